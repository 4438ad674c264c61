"""Reads metrics as Prometheus does, with the library's own parser."""

from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


class Reading:
    """One response of `/metrics`."""

    def __init__(self, text: bytes) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text.decode())}
        self._samples: dict[tuple[str, Labels], float] = {}
        for family in self.families.values():
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in self._samples, f"{key} is listed twice"
                self._samples[key] = sample.value

    def __call__(self, name: str, **labels: str) -> float | None:
        """Return the value of the series with exactly these labels; None if there is no such series."""
        return self._samples.get((name, frozenset(labels.items())))

    def labels(self, name: str, label: str) -> set[str]:
        """Return the values of a label in the samples of this name."""
        return {dict(labels)[label] for sample, labels in self._samples if sample == name}
