"""The reference colorization service: ComfyUI's HTTP and WebSocket API around a real DDColor.

It is a drill target, so it keeps ComfyUI's weaknesses on purpose (queue and history only in
memory, outputs written in place, a result cache that never looks at the disk, no SIGTERM
handler). Do not "fix" one of those: a target that is safer than the real one makes every drill a
lie. Each such place is marked in a comment with the word *weakness*.

Run it with ``python -m colorservice --listen 0.0.0.0 --port 8188 --base-directory DIR``.

Map of the modules, from the outside in:

``__main__``        arguments, listening socket, process life
``app``             route table, mirrored under ``/api``, and the middleware
``prompt_routes``   ``/prompt``, ``/queue``, ``/history``, ``/interrupt``, ``/free``
``files``           ``/upload``; ``masks`` and ``views`` for masks and ``/view``
``paths``           keeps names of clients inside their folder
``userdata``        the workflow files of the user
``object_info``     ``/object_info``; ``model_lists`` for ``/models`` and ``/embeddings``
``system``          ``/system_stats`` and what else it says about itself
``web_page``        the page at ``/``; ``page_routes`` and ``internal_routes`` are what it asks for
``websocket``       ``/ws`` and the message hub
``validation``      what is wrong with a prompt, in ComfyUI's words
``graph``           nodes and the links between them
``job_queue``       pending, running and finished jobs
``execution``       the worker thread; ``result_cache`` decides what need not run again
``node_specs``      what nodes exist and what they accept (no torch)
``node_functions``  what nodes do (torch); imported by ``warmup`` in the background
``preload``         loads the default checkpoint before the first job asks for it
``photos``          how a photo is read, truncated ones included
``settings``        environment, folders, build markers
"""

__version__ = "0.1.0"
