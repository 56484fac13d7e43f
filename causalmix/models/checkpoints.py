"""Reading and writing Tab2D checkpoints: a folder with `config.json` and `model.safetensors`.

The two files are those of AutoGluon's `Tab2D.save_pretrained`, so checkpoints go both ways.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from causalmix.atomic import write_atomically
from causalmix.models.base import ModelError
from causalmix.models.tab2d import Tab2D, Tab2DConfig

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"


def save_checkpoint(model: Tab2D, folder: Path, half: bool = False) -> None:
    """Write a model atomically, file by file.

    Parameters
    ----------
    model : Tab2D
    folder : Path
        Made when missing.
    half : bool
        Store the weights as float16.
    """
    folder = Path(folder)
    state = {name: (w.half() if half else w).contiguous() for name, w in model.state_dict().items()}
    config = model.config
    description = {
        "dim": config.dim,
        "dim_output": config.n_classes,
        "n_layers": config.n_layers,
        "n_heads": config.n_heads,
        "task": "CLASSIFICATION",
    }
    write_atomically(folder / WEIGHTS_FILE, save(state))
    write_atomically(folder / CONFIG_FILE, (json.dumps(description, indent=2) + "\n").encode())


def load_checkpoint(folder: Path, device: str = "cpu") -> Tab2D:
    """Read a model in float32, ready for inference (`eval` mode).

    Parameters
    ----------
    folder : Path
        Holds `config.json` and `model.safetensors`.
    device : str
        Where the weights go.

    Raises
    ------
    ModelError
        If a file is missing, truncated, for another task or does not fit the configuration.
    """
    folder = Path(folder)
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise ModelError(
                f"{folder} has no {name}: a checkpoint folder holds {CONFIG_FILE} and {WEIGHTS_FILE}"
            )
    model = Tab2D(_read_config(folder / CONFIG_FILE))
    try:
        state = {name: w.float() for name, w in load_file(folder / WEIGHTS_FILE).items()}
        model.load_state_dict(state)
    except SafetensorError as error:
        raise ModelError(
            f"{folder / WEIGHTS_FILE} cannot be read ({error}): it is truncated or no safetensors file; "
            "fetch it again"
        ) from error
    except RuntimeError as error:
        raise ModelError(
            f"{folder / WEIGHTS_FILE} does not fit {folder / CONFIG_FILE}: {str(error).splitlines()[0]}; "
            "take both files from the same revision"
        ) from error
    return model.to(device).eval()


def _read_config(path: Path) -> Tab2DConfig:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        task = str(values.get("task", "CLASSIFICATION")).upper().rsplit(".", 1)[-1]
        config = Tab2DConfig(values["dim"], values["n_layers"], values["n_heads"], values["dim_output"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{path} is not a Tab2D configuration ({error!r}); it needs dim, n_layers, n_heads, dim_output"
        ) from error
    sizes = (config.dim, config.n_layers, config.n_heads, config.n_classes)
    if not all(isinstance(size, int) and size > 0 for size in sizes) or config.dim % config.n_heads:
        raise ModelError(
            f"{path} describes no Tab2D: dim, n_layers, n_heads, dim_output are {sizes}; they must be whole "
            "numbers above 0 and n_heads a divisor of dim; take the file from the weights' revision"
        )
    if task != "CLASSIFICATION":
        raise ModelError(f"{path} describes a {task} model; causalmix fine-tunes classifiers")
    return config
