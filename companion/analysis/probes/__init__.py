"""What a trained network's states carry: read them, label a text, fit probes, and ablate cells.

A *probe* is a linear function fitted to states to tell something about the text that was read: whether the place is
inside a speaker's name, how far into its line it is. It is fitted on some plays and scored on others, and compared with
the same probe on the last few characters, on the states of an untrained network and on random labels [1]_ [2]_. A
*cell* is one number of the state; a single cell may hold a property [3]_. Only ablation shows what the network uses.

Texts are the book's plays: Markdown with a speaker's name between ``**``, stage directions between ``_``, verse lines
that end in two spaces. Places are ``(passages, length)``, states ``(passages, length, units)``, costs in bits per
character. Chapter: *inside*.

References
----------
.. [1] Hewitt & Liang 2019, *Designing and Interpreting Probes with Control Tasks*.
.. [2] Belinkov 2022, *Probing Classifiers: Promises, Shortcomings, and Advances*.
.. [3] Karpathy, Johnson & Li 2015, *Visualizing and Understanding Recurrent Networks*.
"""

from companion.analysis.probes.fitting import (
    ALPHA,
    Cells,
    Probe,
    best_threshold,
    fit_cells,
    fit_probe,
    is_yes_no,
    mean_interval,
    probe_score,
    score_interval,
)
from companion.analysis.probes.labels import (
    column,
    control_labels,
    ends_soon,
    in_prose,
    inside_direction,
    inside_name,
    last_characters,
)
from companion.analysis.probes.states import WARM_UP, Network, ablate, costs, network, passages, read

__all__ = [
    "ALPHA",
    "WARM_UP",
    "Cells",
    "Network",
    "Probe",
    "ablate",
    "best_threshold",
    "column",
    "control_labels",
    "costs",
    "ends_soon",
    "fit_cells",
    "fit_probe",
    "in_prose",
    "inside_direction",
    "inside_name",
    "is_yes_no",
    "last_characters",
    "mean_interval",
    "network",
    "passages",
    "probe_score",
    "read",
    "score_interval",
]
