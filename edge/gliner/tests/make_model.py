"""Makes the files in tests/models: a model with the inputs and the output of GLiNER in span mode, and a tokenizer for it.

The model has learned nothing. A table says which label a word belongs to; a span is found under a label where all its words belong to it,
and the longer the likelier. It reads every input as GLiNER does: the labels behind `<<ENT>>`, the words by `words_mask`, the spans by
`span_idx`. The word `Nan` makes its scores no numbers; the word `Boom` is beyond its table, so that the runtime fails.

    pip install onnx tokenizers && python make_model.py
"""

import pathlib

import onnx
from onnx import TensorProto, helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

FOLDER = pathlib.Path(__file__).parent / "models"
WORDS = {"Ada": "person", "Love": "person", "Byron": "person", "Par": "city", "December": "date", "1815": "date"}
VOCABULARY = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "<<ENT>>", "<<SEP>>", "person", "city", "date", "of", "birth", "##lace", "##is"]
VOCABULARY += [*WORDS, "wrote", "in", "Nan", "Boom"]
IDS = {token: number for number, token in enumerate(VOCABULARY)}
NO_NUMBER = 1_000


def tokenizer():
    made = Tokenizer(models.WordPiece(IDS, unk_token="[UNK]"))
    made.add_special_tokens(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "<<ENT>>", "<<SEP>>"])
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    ends = [("[CLS]", IDS["[CLS]"]), ("[SEP]", IDS["[SEP]"])]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    # Published files have such settings, too; who obeys them reads the beginning of a text only.
    made.enable_truncation(16)
    made.enable_padding(length=32)
    return made


def numbers(name, values, dims=None):
    return helper.make_tensor(name, TensorProto.INT64, [len(values)] if dims is None else dims, values)


def span_model():
    owners = [IDS.get(WORDS.get(token, ""), 0) for token in VOCABULARY[:-1]]
    owners[IDS["Nan"]] = NO_NUMBER
    constants = [
        numbers("owners", owners),
        numbers("entity", [IDS["<<ENT>>"]]),
        numbers("no_number", [NO_NUMBER]),
        numbers("zero", [0], []),
        numbers("one", [1], []),
        numbers("axis_0", [0]),
        numbers("axis_1", [1]),
        numbers("axis_2", [2]),
        numbers("before_labels", [1, -1, 12]),
        helper.make_tensor("minus_5", TensorProto.FLOAT, [], [-5.0]),
        helper.make_tensor("nine", TensorProto.FLOAT, [], [9.0]),
        helper.make_tensor("nothing", TensorProto.FLOAT, [], [0.0]),
        helper.make_tensor("nan", TensorProto.FLOAT, [], [float("nan")]),
    ]
    node = helper.make_node
    nodes = [
        # The labels: [classes]
        node("Mul", ["input_ids", "attention_mask"], ["ids"]),
        node("Equal", ["ids", "entity"], ["is_entity"]),
        node("NonZero", ["is_entity"], ["entity_places"]),
        node("Gather", ["entity_places", "one"], ["columns"], axis=0),
        node("Add", ["columns", "one"], ["next_columns"]),
        node("Gather", ["ids", "next_columns"], ["labels"], axis=1),
        node("Shape", ["columns"], ["classes"]),
        # The first token of each word: [1, words]
        node("ReduceMax", ["text_lengths"], ["words"], keepdims=0),
        node("Add", ["words", "one"], ["words_end"]),
        node("Range", ["one", "words_end", "one"], ["word_numbers"]),
        node("Unsqueeze", ["word_numbers", "axis_1"], ["word_rows"]),
        node("Equal", ["words_mask", "word_rows"], ["begins"]),
        node("Cast", ["begins"], ["begins_int"], to=TensorProto.INT64),
        node("Mul", ["begins_int", "ids"], ["first_tokens"]),
        node("ReduceSum", ["first_tokens", "axis_1"], ["word_tokens"], keepdims=0),
        # Whether a word belongs to a label: [words, classes]
        node("Gather", ["owners", "word_tokens"], ["word_owners"]),
        node("Unsqueeze", ["word_owners", "axis_1"], ["owner_column"]),
        node("Equal", ["owner_column", "labels"], ["belongs"]),
        node("Cast", ["belongs"], ["belongs_float"], to=TensorProto.FLOAT),
        node("CumSum", ["belongs_float", "zero"], ["so_far"]),
        # Whether all words of a span do: [spans, classes]
        node("Squeeze", ["span_idx", "axis_0"], ["places"]),
        node("Gather", ["places", "zero"], ["firsts"], axis=1),
        node("Gather", ["places", "one"], ["lasts"], axis=1),
        node("Gather", ["so_far", "lasts"], ["at_last"], axis=0),
        node("Gather", ["so_far", "firsts"], ["at_first"], axis=0),
        node("Gather", ["belongs_float", "firsts"], ["of_first"], axis=0),
        node("Sub", ["at_last", "at_first"], ["between"]),
        node("Add", ["between", "of_first"], ["belonging"]),
        node("Sub", ["lasts", "firsts"], ["more"]),
        node("Add", ["more", "one"], ["widths_int"]),
        node("Cast", ["widths_int"], ["widths_row"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["widths_row", "axis_1"], ["widths"]),
        node("Equal", ["belonging", "widths"], ["all_belong"]),
        node("Cast", ["all_belong"], ["all_belong_float"], to=TensorProto.FLOAT),
        node("Cast", ["span_mask"], ["within_row"], to=TensorProto.FLOAT),
        node("Squeeze", ["within_row", "axis_0"], ["within_flat"]),
        node("Unsqueeze", ["within_flat", "axis_1"], ["within"]),
        node("Mul", ["all_belong_float", "within"], ["found"]),
        node("Add", ["widths", "nine"], ["gain"]),
        node("Mul", ["found", "gain"], ["gained"]),
        node("Add", ["gained", "minus_5"], ["scores"]),
        # No numbers where the word says so
        node("Gather", ["word_owners", "firsts"], ["first_owners"]),
        node("Equal", ["first_owners", "no_number"], ["spoiled_row"]),
        node("Unsqueeze", ["spoiled_row", "axis_1"], ["spoiled"]),
        node("Where", ["spoiled", "nan", "nothing"], ["spoil"]),
        node("Add", ["scores", "spoil"], ["all_scores"]),
        node("Concat", ["before_labels", "classes"], ["shape"], axis=0),
        node("Reshape", ["all_scores", "shape"], ["logits"]),
    ]
    value = helper.make_tensor_value_info
    inputs = [value(name, TensorProto.INT64, ["batch", "tokens"]) for name in ("input_ids", "attention_mask", "words_mask")]
    inputs.append(value("text_lengths", TensorProto.INT64, ["batch", 1]))
    inputs.append(value("span_idx", TensorProto.INT64, ["batch", "spans", 2]))
    inputs.append(value("span_mask", TensorProto.BOOL, ["batch", "spans"]))
    output = value("logits", TensorProto.FLOAT, ["batch", "words", 12, "classes"])
    return helper.make_graph(nodes, "span", inputs, [output], constants)


def token_model():
    """What a model in token mode looks like from outside: no spans."""
    value = helper.make_tensor_value_info
    inputs = [value(name, TensorProto.INT64, ["batch", "tokens"]) for name in ("input_ids", "attention_mask", "words_mask")]
    inputs.append(value("text_lengths", TensorProto.INT64, ["batch", 1]))
    node = helper.make_node("Cast", ["input_ids"], ["logits"], to=TensorProto.FLOAT)
    return helper.make_graph([node], "token", inputs, [value("logits", TensorProto.FLOAT, ["batch", "tokens"])])


def flat_model():
    """The right names, and scores of another shape."""
    graph = span_model()
    del graph.node[-1]
    graph.node.append(helper.make_node("Identity", ["all_scores"], ["logits"]))
    graph.output[0].CopyFrom(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["spans", "classes"]))
    return graph


def save(graph, name):
    # Old enough for the oldest runtime that is taken, 1.17.
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)], producer_name="make_model.py")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(FOLDER / name))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    tokenizer().save(str(FOLDER / "tokenizer.json"), pretty=False)
    save(span_model(), "span.onnx")
    save(token_model(), "token.onnx")
    save(flat_model(), "flat.onnx")
