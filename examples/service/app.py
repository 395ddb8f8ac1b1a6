"""A small web service on a fitted model.

pip install . fastapi uvicorn
FORSYS_MODEL=my-model uvicorn app:app --app-dir examples/service

curl localhost:8000/recommend/CUSTOMER?k=5
curl localhost:8000/basket -H 'Content-Type: application/json' -d '{"articles": ["0108775015"], "k": 5}'
"""

import os
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query
from pydantic import BaseModel, Field

import forsys

K = Annotated[int, Field(ge=1, le=100)]


class Basket(BaseModel):
    """What a new customer has in the basket."""

    articles: Annotated[list[str], Field(min_length=1, max_length=100)]
    k: K = 12


def make_app(model: forsys.Model) -> FastAPI:
    """The service of a model. A model is only read, so several requests may be answered at once."""
    app = FastAPI(title="FOR-system")

    @app.get("/recommend/{customer:path}")  # an id may hold a slash
    def recommend(customer: str, k: Annotated[int, Query(ge=1, le=100)] = 12) -> list[dict[str, Any]]:
        """The list of a customer of the shop."""
        return answer(customers=customer, k=k)

    @app.post("/basket")
    def basket(asked: Basket) -> list[dict[str, Any]]:
        """The list of someone new, by what is in the basket."""
        return answer(basket=asked.articles, k=asked.k)

    def answer(**asked: Any) -> list[dict[str, Any]]:
        try:
            return model.recommend(**asked, polars=True).to_dicts()
        except forsys.DataError as error:
            raise HTTPException(404, str(error)) from error

    return app


if "FORSYS_MODEL" in os.environ:
    app = make_app(forsys.load(os.environ["FORSYS_MODEL"]))
