"""``python -m colorservice``: parses arguments, listens, and stays until it is killed.

There is no SIGTERM handler on purpose (*weakness*): SIGTERM ends the process at once without
draining anything, and as process 1 of a container it is ignored altogether. SIGINT exits with 0.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from colorservice import __version__
from colorservice.app import build_app
from colorservice.settings import Settings, SettingsError, read_settings
from colorservice.state import Service

_LOG = logging.getLogger("colorservice")
EXIT_FAILED = 1
EXIT_USAGE = 2


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="colorservice", description="Colorization service.")
    parser.add_argument(
        "--listen",
        default="127.0.0.1",
        const="0.0.0.0",  # noqa: S104 - what the bare option means in ComfyUI
        nargs="?",
        metavar="ADDRESS",
        help="addresses to listen on, separated by commas; the bare option means all",
    )
    parser.add_argument("--port", type=int, default=8188, help="TCP port, 8188 by default")
    parser.add_argument(
        "--base-directory",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder with input, output, temp, user, models and custom_nodes",
    )
    parser.add_argument("--version", action="version", version=__version__)
    return parser.parse_args(argv)


async def _serve(settings: Settings, addresses: Sequence[str], port: int) -> None:
    service = Service.create(settings)
    service.hub.attach(asyncio.get_running_loop())
    # No signal handling by the web server: see the module's docstring.
    runner = web.AppRunner(build_app(service), access_log=None, handle_signals=False)
    await runner.setup()
    for address in addresses:
        await web.TCPSite(runner, address, port).start()
    # The import starts only now: it would slow the server's own imports down more than it gains.
    service.warmup.start()
    service.worker.start()
    _LOG.info("listening on %s port %d, device %s", ",".join(addresses), port, settings.device)
    for complaint in settings.create_folders():
        _LOG.warning("%s", complaint)
    await service.hub.deliver_forever()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the service until it is killed.

    Returns:
        0 after SIGINT, 1 when it cannot listen, 2 for a wrong environment variable.
    """
    options = _arguments(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    try:
        settings = read_settings(options.base_directory)
    except SettingsError as error:
        _LOG.error("%s", error)
        return EXIT_USAGE
    addresses = [part.strip() for part in options.listen.split(",") if part.strip()]
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(settings, addresses, options.port))
    except OSError as error:
        _LOG.error("cannot listen: %s", error)
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Daemon threads may be deep inside torch: the interpreter's own shutdown could wait or abort.
    os._exit(code)
