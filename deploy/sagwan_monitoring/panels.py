"""Panels and boards of one kind: each panel says what it shows, and what to do when it looks wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

# As deploy/grafana/provisioning names it.
SOURCE = models.DataSourceRef(type_val="prometheus", uid="prometheus")
_HEIGHT = 8
_STAT_HEIGHT = 4


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: What it is called.
        shows: What it shows.
        act: What to do when it looks wrong.
        queries: PromQL by legend.
        unit: As Grafana names it.
        lines: Thresholds by value: targets are yellow or red.
        width: Of 24.
        single: Whether only the last value is shown.
        instant: Whether the value is of now, and not of the panel's range.
    """

    title: str
    shows: str
    act: str
    queries: Mapping[str, str]
    unit: str = "s"
    lines: Mapping[float, str] | None = None
    width: int = 12
    single: bool = False
    instant: bool = False

    def built(self, identifier: int) -> stat.Panel | timeseries.Panel:
        """The panel as the SDK builds it."""
        panel = self._stat() if self.single else self._graph()
        panel = (
            panel.id(identifier)
            .title(self.title)
            .description(f"{self.shows}\n\n**When it looks wrong:** {self.act}")
            .datasource(SOURCE)
            .unit(self.unit)
            .thresholds(_thresholds(self.lines or {}))
            .span(self.width)
            .height(_STAT_HEIGHT if self.single else _HEIGHT)
        )
        for number, (legend, expression) in enumerate(self.queries.items()):
            panel = panel.with_target(self._query(chr(ord("A") + number), legend, expression))
        return panel

    def _stat(self) -> stat.Panel:
        return (
            stat.Panel()
            .color_mode(common_models.BigValueColorMode.VALUE)
            .graph_mode(common_models.BigValueGraphMode.NONE if self.instant else common_models.BigValueGraphMode.AREA)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        )

    def _graph(self) -> timeseries.Panel:
        graph = (
            timeseries.Panel()
            .min(0)
            .legend(
                common.VizLegendOptions()
                .show_legend(True)
                .display_mode(common_models.LegendDisplayMode.LIST)
                .placement(common_models.LegendPlacement.BOTTOM)
            )
            .tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
        )
        if self.lines:
            style = common.GraphThresholdsStyleConfig().mode(common_models.GraphTresholdsStyleMode.LINE)
            graph = graph.thresholds_style(style)
        return graph

    def _query(self, reference: str, legend: str, expression: str) -> prometheus.Dataquery:
        query = prometheus.Dataquery().ref_id(reference).expr(expression).legend_format(legend).datasource(SOURCE)
        query = query.instant() if self.instant else query.range()
        # Exemplars are drawn over quantiles: a dot leads to a trace that took so long.
        return query.exemplar("histogram_quantile" in expression and not self.single)


def _thresholds(lines: Mapping[float, str]) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(value=None, color="green")]
    steps += [models.Threshold(value=value, color=color) for value, color in lines.items()]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def board(
    uid: str, title: str, description: str, rows: Iterable[tuple[str, Sequence[Panel]]], *, job: str
) -> models.Dashboard:
    """A dashboard.

    Args:
        uid: Of its address, without the project's prefix.
        title: Without the project's name.
        description: What questions it answers.
        rows: Titles and panels, from top to bottom.
        job: Regular expression of the jobs whose instances can be chosen.
    """
    made = (
        dashboard.Dashboard(f"Sagwan: {title}")
        .uid(f"sagwan-{uid}")
        .description(description)
        .tags(["sagwan"])
        .timezone("browser")
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .refresh("30s")
        .time("now-1h", "now")
        .link(
            dashboard.DashboardLink("Sagwan")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["sagwan"])
            .as_dropdown(True)
            .keep_time(True)
        )
        .with_variable(
            dashboard.QueryVariable("instance")
            .label("Instance")
            .query(f'label_values(up{{job=~"{job}"}}, instance)')
            .datasource(SOURCE)
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(True)
            .include_all(True)
            .all_value(".*")
        )
    )
    identifier = 0
    for row, panels in rows:
        identifier += 1
        made = made.with_row(dashboard.Row(row).id(identifier))
        for panel in panels:
            identifier += 1
            made = made.with_panel(panel.built(identifier))
    return made.build()
