"""What there is to do in each chapter; on the first page ``progress.js`` shows what of it the reader has done."""

import json
from pathlib import Path

import playground
import questions
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def tasks(env: BuildEnvironment, page: str, with_exercises: bool) -> dict[str, object]:
    """The names of a page's checked exercises and the number of its questions, where there are any."""
    file = Path(env.srcdir) / questions.FOLDER / f"{page}.yml"
    exercises = [exercise.name for exercise in playground.exercises(env, page)] if with_exercises else []
    found = {"exercises": exercises, "questions": len(questions.read(file)) if file.exists() else 0}
    return {name: value for name, value in found.items() if value}


def list_tasks(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Give the first page the tasks of all chapters; exercises count only where the pages can run them."""
    if pagename != app.config.root_doc or "body" not in context:
        return
    found = {page: tasks(app.env, page, app.config.playground) for page in sorted(app.env.found_docs)}
    listed = json.dumps({page: listed for page, listed in found.items() if listed})
    context["body"] += f'<script type="application/json" id="all-tasks">{listed}</script>'


def setup(app: Sphinx) -> dict:
    app.connect("html-page-context", list_tasks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
