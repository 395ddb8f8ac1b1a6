"""An S3 on this machine, for tests: moto's server on loopback."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

SECRET = "the-secret-of-the-tests"


@cache
def _address() -> str:
    """Where the server listens; one for all tests of this process."""
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


@contextmanager
def new_bucket() -> Iterator[str]:
    """The URL of an empty bucket, while the block runs; what a client needs to know is in the environment."""
    known = {"AWS_ENDPOINT_URL": _address(), "AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": SECRET}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (known | {"AWS_DEFAULT_REGION": "us-east-1"}).items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        url = f"s3://bucket-{uuid4().hex}"
        store().mkdir(url)
        yield url


def store() -> Any:
    """The server's objects, as fsspec shows them."""
    import fsspec

    return fsspec.filesystem("s3", use_listings_cache=False)


def objects(url: str, names: list[str] | None = None) -> dict[str, bytes]:
    """What lies below a URL, or some of it: names and contents."""
    top = url.removeprefix("s3://") + "/"
    names = [name.removeprefix(top) for name in store().find(url)] if names is None else names
    return {name: store().cat_file(top + name) for name in names}


@contextmanager
def machine(folder: Path) -> Iterator[None]:
    """While the block runs, this process is another machine: its copies lie in `folder`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORSYS_CACHE", str(folder))
        yield


def put(folder: Path, url: str) -> None:
    """Store the files in a folder."""
    for file in sorted(folder.iterdir()):
        store().put_file(str(file), f"{url}/{file.name}")
