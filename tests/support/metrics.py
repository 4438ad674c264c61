"""Metrics as Prometheus reads them, by the library's own parser."""

from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


class Reading:
    """One answer of `/metrics`."""

    def __init__(self, text: bytes) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text.decode())}
        self._samples: dict[tuple[str, Labels], float] = {}
        for family in self.families.values():
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in self._samples, f"{key} stands there twice"
                self._samples[key] = sample.value

    def __call__(self, name: str, **labels: str) -> float | None:
        """The value of the series with exactly these labels; None when there is none."""
        return self._samples.get((name, frozenset(labels.items())))

    def labels(self, name: str, label: str) -> set[str]:
        """The values that a label has in the samples of this name."""
        return {dict(labels)[label] for sample, labels in self._samples if sample == name}
