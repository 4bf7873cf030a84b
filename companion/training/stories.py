"""Training a network that answers questions about stories."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from companion.corpora.stories import Story
from companion.errors import UserError, check_sizes
from companion.tokenizers import StoryReader

if TYPE_CHECKING:
    from companion.models.answerer import Answerer, WholeStory


def fit_stories(
    model: "Answerer | WholeStory",
    reader: StoryReader,
    told: Sequence[Story],
    epochs: int = 10,
    batch_size: int = 64,
    learning_rate: float = 5e-3,
    shown: float = 0.5,
    seed: int = 0,
) -> list[float]:
    """Train on stories; return the mean loss of each epoch, in nats.

    Parameters
    ----------
    model, reader
        A network of `companion.models.answerer`, and the reader that encodes for it. Names change slots in each epoch.
    epochs, batch_size, learning_rate
        Adam's rate climbs for 50 updates and falls along a cosine.
    shown
        Weight of the supporting facts in the loss. With 0 the model is told only the answers, never where to look.
    seed
        Of the slots; the order of the stories follows `companion.set_seed`.

    Raises
    ------
    UserError
        There are no stories, or a setting is out of its range.
    """
    check_sizes(epochs=epochs, batch_size=batch_size)
    if shown < 0 or not learning_rate > 0:
        raise UserError(
            f"shown is {shown} and learning_rate {learning_rate}; learning_rate should be above 0, shown at least 0."
        )
    import keras

    from companion.models.answerer import Answerer, look_loss

    looking = isinstance(model, Answerer) and shown > 0
    encoded = reader.encode(told)
    steps = epochs * -(-len(told) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - 50), alpha=0.02, warmup_target=learning_rate, warmup_steps=50
    )
    answer_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        optimizer=keras.optimizers.Adam(schedule, global_clipnorm=1.0),
        loss={"answer": answer_loss} | ({"looks": look_loss} if looking else {}),
        loss_weights={"answer": 1.0} | ({"looks": shown} if looking else {}),
    )
    losses = []
    for epoch in range(epochs):
        now = reader.rename(encoded, seed * 1000 + epoch)
        targets = {"answer": now.answer} | ({"looks": now.looks} if looking else {})
        past = model.fit(now.inputs, targets, batch_size=batch_size, epochs=1, verbose=0)
        losses.append(float(past.history["loss"][0]))
    return losses
