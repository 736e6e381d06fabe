"""Spans of calls to others, and what of a span goes elsewhere: its failure, and its id to histograms and into SQL."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

from opentelemetry import trace
from opentelemetry.trace import Span, SpanContext, Status, StatusCode


def client_span(tracer: trace.Tracer, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[Span]:
    """The current span while something is asked of another process; none where the trace is known not to be kept.

    A search has a dozen of them, and beginning and ending those of traces that nobody will see costs the most of all.
    """
    parent = trace.get_current_span().get_span_context()
    if parent.is_valid and not parent.trace_flags.sampled:
        return nullcontext(trace.INVALID_SPAN)
    return tracer.start_as_current_span(
        name, kind=trace.SpanKind.CLIENT, attributes=attributes, record_exception=False, set_status_on_exception=False
    )


def mark_failed(span: Span, error_type: str) -> None:
    """Says that what a span is about failed, by a name of few: messages may quote what was said or asked."""
    span.set_status(Status(StatusCode.ERROR))
    span.set_attribute("error.type", error_type)


def current_exemplar() -> dict[str, str] | None:
    """What joins a measurement to the trace that it was made in; None where no trace is kept."""
    context = _sampled_context()
    if context is None:
        return None
    return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}


def kept_trace_id() -> str | None:
    """The id of the current trace; None where no trace is kept."""
    context = _sampled_context()
    return trace.format_trace_id(context.trace_id) if context else None


def sql_comment() -> str:
    """The current span as sqlcommenter writes it, to stand behind a statement; empty where no trace is kept."""
    context = _sampled_context()
    if context is None:
        return ""
    trace_id, span_id = trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
    return f" /*traceparent='00-{trace_id}-{span_id}-01'*/"


def _sampled_context() -> SpanContext | None:
    context = trace.get_current_span().get_span_context()
    return context if context.is_valid and context.trace_flags.sampled else None
