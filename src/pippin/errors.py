"""Every error that a client can see.

PippinError
├── InvalidRequest            400  the request itself is wrong
│   ├── UnknownParameter      400  a field that nobody here honours
│   ├── UnsupportedParameter  400  a field that is known, and refused by name
│   ├── ContextLengthExceeded 400  the prompt does not fit
│   ├── ConstraintTooComplex  400  found out in the middle of the answer
│   └── BodyNotJSON           400
├── AuthenticationFailed      401
├── HostRefused               403
├── NotFound                  404
│   ├── ModelNotFound         404
│   └── AdapterNotFound       404
├── MethodNotAllowed          405
├── ReceiptTimeout            408  the client took too long to send its request
├── BodyTooLarge              413
├── UnsupportedMediaType      415
├── ServerBusy                429  with Retry-After
├── HeadTooLarge              431  more header lines or bytes than any honest client sends
├── EngineFailure             500  a step of the model failed; nothing of the inside is shown
└── ModelUnavailable          503  loading, or the server is stopping; with Retry-After
    └── ModelFailed           503  it could not be loaded, or its worker died

Each class is one ``kind``: its name crosses the wire (``core.events.Failed.kind``), and
``from_kind`` makes the error again on the other side. Messages are written for the client:
they name the field and the mend, and never show paths, addresses or tracebacks.
"""

from typing import ClassVar

SHOWN_CHARS = 100
"""Of a name that nobody here has."""


class PippinError(Exception):
    """Base of all errors with a public face."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: ClassVar[str | None] = None
    retry_after: int | None = None
    """Seconds, for the Retry-After header."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param

    @property
    def kind(self) -> str:
        return type(self).__name__

    def body(self) -> dict[str, object]:
        """The JSON body: OpenAI's shape, and ``detail`` for the clients of older servers."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            },
            "detail": self.message,
        }


class InvalidRequest(PippinError):
    status = 400
    type = "invalid_request_error"
    code = "invalid_value"


class UnknownParameter(InvalidRequest):
    code = "unknown_parameter"


class UnsupportedParameter(InvalidRequest):
    code = "unsupported_parameter"


class ContextLengthExceeded(InvalidRequest):
    code = "context_length_exceeded"


class ConstraintTooComplex(InvalidRequest):
    code = "constraint_too_complex"


class BodyNotJSON(InvalidRequest):
    code = "invalid_json"


class AuthenticationFailed(PippinError):
    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"


class HostRefused(PippinError):
    status = 403
    type = "invalid_request_error"
    code = "host_not_allowed"


class NotFound(PippinError):
    status = 404
    type = "invalid_request_error"
    code = "not_found"


class ModelNotFound(NotFound):
    code = "model_not_found"


class AdapterNotFound(NotFound):
    code = "adapter_not_found"

    @classmethod
    def of(cls, name: str) -> "AdapterNotFound":
        """The error for a name that the model has no adapter for: a client's own word, shown
        escaped and short."""
        shown = ascii(name[:SHOWN_CHARS])[1:-1][:SHOWN_CHARS]
        return cls(
            f"This model has no adapter '{shown}'; GET /v1/adapters lists those that there are.",
            "adapter",
        )


class MethodNotAllowed(PippinError):
    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class ReceiptTimeout(PippinError):
    status = 408
    type = "invalid_request_error"
    code = "request_timeout"


class BodyTooLarge(PippinError):
    status = 413
    type = "invalid_request_error"
    code = "request_too_large"


class UnsupportedMediaType(PippinError):
    status = 415
    type = "invalid_request_error"
    code = "unsupported_media_type"


class HeadTooLarge(PippinError):
    status = 431
    type = "invalid_request_error"
    code = "request_header_fields_too_large"


class ServerBusy(PippinError):
    status = 429
    type = "rate_limit_error"
    code = "server_busy"
    retry_after = 1
    """At least. Whoever knows how fast the queue moves says so in its error."""


class EngineFailure(PippinError):
    code = "engine_failure"


class ModelUnavailable(PippinError):
    status = 503
    code = "model_unavailable"
    retry_after: int | None = 2


class ModelFailed(ModelUnavailable):
    """Nothing starts it again: to wait does not help."""

    retry_after = None


def _kinds(base: type[PippinError]) -> dict[str, type[PippinError]]:
    found = {base.__name__: base}
    for sub in base.__subclasses__():
        found |= _kinds(sub)
    return found


_BY_KIND = _kinds(PippinError)


def from_kind(kind: str, message: str, param: str | None = None) -> PippinError:
    """The error that crossed the wire; an unknown kind becomes the plain base."""
    return _BY_KIND.get(kind, PippinError)(message, param)
