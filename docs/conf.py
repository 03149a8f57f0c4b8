"""Settings of the documentation site.

    python -m sphinx -W docs docs/_build                      # runs the gallery; pages are in docs/_build
    python -m sphinx -W -D plot_gallery=0 docs docs/_build    # without its pictures, in half a minute

Needs `pip install 'sknn[docs]'` and no internet: other projects are linked by the names in `docs/inventories/`, plain
text to which a line is added where a new name is referred to.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from numpydoc import xref

import sknn

ROOT = Path(__file__).parents[1]

project = "sknn"
author = "The sknn developers"
copyright = "the sknn developers"  # noqa: A001, the name of the setting
version = release = sknn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
    "sphinx_design",
    "myst_parser",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
nitpicky = True
# What scikit-learn's inherited docstrings refer to, of kinds that inventories in plain text cannot hold.
nitpick_ignore_regex = [
    ("std:term", "meta-estimator"),
    ("std:ref", "accuracy_score|df_output_transform|metadata_routing|r2_score|sphx_glr_auto_examples.*"),
]
default_role = "literal"

# Pages in Markdown -----------------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
CHAPTERS = """
```{toctree}
:hidden:
:glob:

[0-9]*
```
"""


def link_pages(app, name: str, content: list[str]) -> None:
    """Let the links of a page, which work in the repository, work on the site."""
    content[0] = content[0].replace("](../benchmarks/README.md", "](benchmarks.md")
    if name == "how_networks_are_trained/README":
        content[0] += CHAPTERS


# Reference -------------------------------------------------------------------------------------------------------

xref.DEFAULT_LINKS.clear()  # numpydoc's links of every `int`; those below are enough
autodoc_inherit_docstrings = False  # torch's, of `forward`
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # types are in the docstrings
numpydoc_show_class_members = False  # the template of a class has them
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # but for these
numpydoc_xref_aliases = {
    "DataFrame": "pandas.DataFrame",
    "Series": "pandas.Series",
    "ndarray": "numpy.ndarray",
    "Tensor": "torch.Tensor",
    "nn.Module": "torch.nn.Module",
    "estimator": "sklearn.base.BaseEstimator",
    "transformer": "sklearn.base.TransformerMixin",
    "Pipeline": "sklearn.pipeline.Pipeline",
}
intersphinx_timeout = 5
intersphinx_mapping = {
    name: (url, str(ROOT / "docs" / "inventories" / f"{name}.inv"))
    for name, url in {
        "joblib": "https://joblib.readthedocs.io/en/stable/",
        "matplotlib": "https://matplotlib.org/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "sklearn": "https://scikit-learn.org/stable/",
        "skorch": "https://skorch.readthedocs.io/en/stable/",
        "torch": "https://docs.pytorch.org/docs/stable/",
    }.items()
}


def public_names() -> dict[str, str]:
    """Full names by short ones, as listed on the page of the reference."""
    names, module = {}, ""
    for line in (ROOT / "docs" / "api" / "index.rst").read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"\.\. (?:automodule|currentmodule):: (.+)", line):
            module = match[1]
        elif match := re.fullmatch(r"   (\w+)", line):
            names[match[1]] = f"{module}.{match[1]}"
    return names


PUBLIC = public_names()


def link_names(app, what, full_name: str, obj, options, lines: list[str]) -> None:
    """Link public names and files in a docstring, which has them as `NNClassifier` and `docs/menu.md`."""

    def linked(match: re.Match) -> str:
        name = match[1]
        if name in PUBLIC and PUBLIC[name] != full_name:
            return f":obj:`{name} <{PUBLIC[name]}>`"
        if file := re.fullmatch(r"docs/(\w+)\.md", name):
            return f":doc:`/{file[1]}`"
        return match[0]

    lines[:] = [re.sub(r"(?<![`:])`([\w./]+)`(?!`)", linked, line) for line in lines]


# Gallery ---------------------------------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": ["../examples/gallery"],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("sknn",),
    "backreferences_dir": "api/examples",
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
    "min_reported_time": 5,
    "image_srcset": ["2x"],
    "abort_on_example_error": True,
}

# Looks -----------------------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "sknn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "sknn"},
    "show_nav_level": 1,
    "navigation_depth": 3,
    "header_links_before_dropdown": 5,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
}
html_sidebars = {"coming_from": [], "changelog": [], "benchmarks": [], "contributing": []}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def setup(app) -> None:
    app.connect("source-read", link_pages)
    app.connect("autodoc-process-docstring", link_names, priority=400)  # before numpydoc
