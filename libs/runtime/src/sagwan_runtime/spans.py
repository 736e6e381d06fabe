"""What of a span goes elsewhere: its failure to whoever looks for it, its id to histograms and into SQL."""

from opentelemetry import trace
from opentelemetry.trace import Span, SpanContext, Status, StatusCode


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
