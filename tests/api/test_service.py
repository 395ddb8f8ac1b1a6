"""The example service answers."""

import asyncio
import json
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import pytest

import forsys
from world import PROJECT

pytest.importorskip("fastapi")


@pytest.fixture(scope="module")
def app(model: forsys.Model) -> Any:
    spec = spec_from_file_location("service", PROJECT / "examples" / "service" / "app.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_app(model)


def ask(app: Any, method: str, path: str, query: str = "", body: Any = None) -> tuple[int, Any]:
    """Status and JSON of one request, as a web server hands it to the app (ASGI)."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"shop"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent))


def test_a_customer(app: Any, model: forsys.Model) -> None:
    customer = model.customers[3]
    status, found = ask(app, "GET", f"/recommend/{customer}", "k=4")
    assert status == 200
    assert [row["article"] for row in found] == model.recommend(customer, k=4)["article"].to_list()


def test_a_basket(app: Any, model: forsys.Model) -> None:
    basket = [model.history.articles["article_id"][5]]
    status, found = ask(app, "POST", "/basket", body={"articles": basket, "k": 3})
    assert status == 200
    assert [row["article"] for row in found] == model.recommend(basket=basket, k=3)["article"].to_list()


def test_what_is_not_there(app: Any) -> None:
    status, found = ask(app, "GET", "/recommend/nobody")
    assert status == 404 and "No customer 'nobody'" in found["detail"]
    status, found = ask(app, "GET", "/recommend/no/body")
    assert status == 404 and "No customer 'no/body'" in found["detail"]
    assert ask(app, "POST", "/basket", body={"articles": ["x"]})[0] == 404
    assert ask(app, "POST", "/basket", body={"articles": []})[0] == 422
    assert ask(app, "GET", "/recommend/nobody", "k=0")[0] == 422
