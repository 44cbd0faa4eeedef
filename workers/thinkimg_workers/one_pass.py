"""One pass of a backend for several requests, of which some may be wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from google.protobuf.message import Message

from thinkimg_rpc.errors import CallerError
from thinkimg_rpc.tool import Call

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
Question = TypeVar("Question")
Result = TypeVar("Result")


def answer_in_one_pass(
    requests: Sequence[Request],
    calls: Sequence[Call],
    *,
    ask: Callable[[Request, Call], Question],
    compute: Callable[[Sequence[Question]], Sequence[Result]],
    respond: Callable[[Request, Call, Question, Result], Response],
) -> list[Response | CallerError]:
    """What a tool's `run_batch` does: bad requests fail alone, the rest share a pass.

    `ask` turns a request into what the backend takes, and may raise CallerError;
    `compute` is that pass; `respond` puts a result into words of the contract.
    """
    asked = [_question_or_error(ask, *one) for one in zip(requests, calls, strict=True)]
    questions = [one for one in asked if not isinstance(one, CallerError)]
    results = iter(compute(questions) if questions else ())
    return [
        question
        if isinstance(question, CallerError)
        else respond(request, call, question, next(results))
        for request, call, question in zip(requests, calls, asked, strict=True)
    ]


def _question_or_error(
    ask: Callable[[Request, Call], Question], request: Request, call: Call
) -> Question | CallerError:
    try:
        return ask(request, call)
    except CallerError as error:
        return error
