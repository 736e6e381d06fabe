"""Reads the metrics pages of the services."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_TIMEOUT_S = 5.0

Matches = Callable[[Mapping[str, str]], bool]


class PageUnavailable(Exception):
    """A metrics page does not answer."""


@dataclass(frozen=True, slots=True)
class Page:
    """One reading of a metrics page."""

    samples: tuple[Sample, ...]

    def buckets(self, histogram: str, matches: Matches) -> dict[float, float]:
        """Cumulative counts by upper edge, summed over the series whose labels match."""
        summed: dict[float, float] = defaultdict(float)
        for sample in self._named(f"{histogram}_bucket", matches):
            summed[float(sample.labels["le"])] += sample.value
        return dict(summed)

    def total(self, name: str, matches: Matches = lambda _: True) -> float:
        """The sum of a sample over the series whose labels match; 0 where there is none."""
        return sum(sample.value for sample in self._named(name, matches))

    def values_of(self, name: str, label: str) -> set[str]:
        """The values that a label takes in a sample's series."""
        return {sample.labels[label] for sample in self._named(name, lambda _: True)}

    def _named(self, name: str, matches: Matches) -> Iterator[Sample]:
        return (each for each in self.samples if each.name == name and matches(each.labels))


def parse(text: str) -> Page:
    """A page in the text format of Prometheus."""
    families = text_string_to_metric_families(text)
    return Page(tuple(sample for family in families for sample in family.samples))


def read(url: str) -> Page:
    """Fetches a page.

    Raises:
        PageUnavailable: Nothing answers there.
    """
    try:
        with urlopen(url, timeout=_TIMEOUT_S) as response:
            return parse(response.read().decode())
    except (URLError, TimeoutError, ConnectionError) as error:
        raise PageUnavailable(f"{url} does not answer; is the stack up? (make up)") from error
