"""OpenStack Swift with its S3 interface on loopback: a real object store, in one process.

`python tests/objectstore.py FOLDER PORT USER KEY` serves in the foreground: S3 on the port, its
account, container and object servers on the three after it, all bytes under FOLDER/disk.
Eventlet patches the whole interpreter, so it is loaded by the server alone, not where tests are
collected.
"""

import sys
from pathlib import Path

KINDS = ("account", "container", "object")
COMMON = """[DEFAULT]
devices = {folder}
mount_check = false
swift_dir = {folder}
log_level = ERROR
fallocate_reserve = 0
disable_fallocate = true
"""
BACKEND = """[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
FILTERS = ("catch_errors", "gatekeeper", "listing_formats", "s3api", "copy", "slo", "dlo")
PROXY = """[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
error_suppression_interval = 0.1
[filter:tempauth]
use = egg:swift#tempauth
user_{user} = {key} .admin
"""


def serve(folder: Path, port: int, user: str, key: str) -> None:
    """Serve until killed."""
    import eventlet
    from swift.common.utils import set_swift_dir

    (folder / "disk").mkdir(parents=True, exist_ok=True)
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = milpa\n")
    set_swift_dir(str(folder))
    for number, kind in enumerate(KINDS, start=1):
        ring(folder, kind, port + number)
        listen(folder, kind, port + number, BACKEND.format(kind=kind))
    filters = "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in FILTERS)
    listen(folder, "proxy", port, PROXY.format(user=user.replace(":", "_"), key=key) + filters)
    eventlet.event.Event().wait()


def ring(folder: Path, kind: str, port: int) -> None:
    """Say where the data of a kind lie: all on one disk, once."""
    from swift.common.ring import RingBuilder

    builder = RingBuilder(part_power=4, replicas=1, min_part_hours=0)
    place = {"ip": "127.0.0.1", "port": port, "device": "disk", "weight": 1}
    builder.add_dev({"id": 0, "region": 1, "zone": 1, **place})
    builder.rebalance(seed="milpa")
    builder.get_ring().save(str(folder / f"{kind}.ring.gz"))


def listen(folder: Path, kind: str, port: int, parts: str) -> None:
    """Start one of the servers on its port."""
    import eventlet
    import eventlet.wsgi
    from swift.common.wsgi import SwiftHttpProtocol, loadapp

    settings = folder / f"{kind}-server.conf"
    settings.write_text(COMMON.format(folder=folder) + parts)
    application = loadapp(str(settings))
    door = eventlet.listen(("127.0.0.1", port))
    eventlet.spawn(
        eventlet.wsgi.server,
        door,
        application,
        protocol=SwiftHttpProtocol,
        log_output=False,
        capitalize_response_headers=False,
    )


if __name__ == "__main__":
    import eventlet

    eventlet.monkey_patch()
    serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
