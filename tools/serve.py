"""Serve the built book on this machine only: ``python tools/serve.py 8000``."""

import functools
import http.server
import sys
from pathlib import Path

BUILT = Path(__file__).resolve().parents[1] / "_build" / "html"


def main(port: str) -> int:
    """Serve until interrupted; return 1 after printing one sentence if that isn't possible."""
    if not (BUILT / "index.html").is_file():
        print("make: the book is not built yet; run make book first.", file=sys.stderr)
        return 1
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=BUILT)
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), handler)
    except (OSError, OverflowError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "a port is a number from 1 to 65535"
        other = 8001 if port == "8000" else 8000
        print(f"make: port {port} can't be used ({reason}); choose another: make serve PORT={other}.", file=sys.stderr)
        return 1
    print(f"Open http://localhost:{server.server_port}; Ctrl-C ends it.")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
