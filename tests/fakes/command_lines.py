"""Programs that look at the command lines of the container that they run in, and print them."""

WATCHED = r"""
import pathlib, sys, time
seen, until = set(), time.monotonic() + float(sys.argv[1])
while time.monotonic() < until:
    for each in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            seen.add(each.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    time.sleep(0.002)
print("\n".join(sorted(seen)))
"""
"""For Python; its argument is for how many seconds."""

LOOK_AT_PROCESSES = """
until=$(($(date +%s) + 6))
while [ "$(date +%s)" -lt "$until" ]; do
  for each in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < "$each"; echo; done 2> /dev/null
done | sort -u
"""
"""For a shell, for six seconds."""
