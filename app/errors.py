"""What can go wrong with a request, without a word of HTTP; `problems.py` maps each to a status."""


class RequestError(Exception):
    """A failure with a sentence for the client that names the value and the remedy."""


class MalformedRequestError(RequestError):
    """The body does not follow the format that its content type declares."""


class KeyRequiredError(RequestError):
    """The request has no key, or none that is known."""


class CrossSiteError(RequestError):
    """Another site's page made a browser send the request."""


class UnknownHostError(RequestError):
    """The request is for a host name that is not the service's."""


class BodyTooLargeError(RequestError):
    """The body exceeds `max_body_bytes`."""


class SlowUploadError(RequestError):
    """The body arrives more slowly than `min_bytes_per_second`."""


class UnknownModelError(RequestError):
    """No model has this name."""


class UnknownVersionError(RequestError):
    """The model has no such version."""


class UnknownPlotError(RequestError):
    """The version has no such figure."""


class NoComparisonError(RequestError):
    """The versions served have not been compared."""


class UnknownSpriteError(RequestError):
    """The stored mistakes are other ones than the client's."""


class ModelUnavailableError(RequestError):
    """The model should be served but no intact version of it is loaded."""


class UnsupportedTypeError(RequestError):
    """The bytes or their declared type are not one of the accepted image formats."""


class UnprocessableImageError(RequestError):
    """The image has the wrong size, too many pixels, or can't be decoded."""


class InvalidParameterError(RequestError):
    """A query parameter or form field is missing, repeated or out of range."""


class InterruptedReadError(RequestError):
    """The process that read the request was ended."""


class OverloadedError(RequestError):
    """The service, or the bounded queue for this work, has as much to do as it takes on."""


class DeadlineExceededError(RequestError):
    """The request waited, or was worked on, for longer than a request may take."""


class ModelFailedError(RequestError):
    """The model's engine raised an error of its own."""


class StoppingError(RequestError):
    """The service stops before the request could be answered."""


def shown(value: object) -> str:
    """A value from a request as it may be repeated in an answer or a log: printable, and not for ever."""
    text = str(value)
    return ascii(text if len(text) <= 40 else text[:40] + "…")
