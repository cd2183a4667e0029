"""Step 4, its beginning: of which classes the content is, by itself and by what its conversation has held."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gateway_ext.conversations.identify import Conversation, identify
from gateway_ext.exchange import Finding, Labels, Prompt
from gateway_ext.identity.front_ends import conversation_ids, labels_of
from gateway_ext.ports import Conversations
from gateway_ext.response.forwarded import Exchange
from gateway_ext.response.remembering import Remembering
from gateway_ext.routing import data_classes
from gateway_ext.routing.data_classes import Classes, Classification


@dataclass(frozen=True, slots=True)
class Classified:
    """`remembering` None: nothing is remembered of conversations, by policy or because nobody can tell what they held."""

    classes: Classes
    labels: Labels
    remembering: Remembering | None = None


class Classifying:
    """Asks the store of conversations, where policy has sticky classes. `key`: as `conversation_key` makes it."""

    def __init__(self, conversations: Conversations, key: bytes) -> None:
        self._conversations = conversations
        self._key = key

    def labels(self, exchange: Exchange) -> Labels:
        """What headers say about the content. Raises LabelUnknown."""
        labels = labels_of(exchange.principal, exchange.head.user_headers, exchange.snapshot.identity)
        data_classes.require_known(labels, exchange.snapshot.routing.classification)
        return labels

    def conversation(self, exchange: Exchange, prompt: Prompt) -> Conversation:
        """Which one a request belongs to, as far as one can tell."""
        ids = conversation_ids(exchange.head.user_headers, exchange.snapshot.identity)
        return identify(exchange.principal, prompt, ids, self._key)

    def classified(self, exchange: Exchange, asked: Prompt, prompt: Prompt, findings: Sequence[Finding]) -> Classified:
        """The classes of a request: `findings` were in the texts of `prompt`, which is `asked`, without its oldest turns if need be.

        Raises LabelUnknown, HistoryUnknown.
        """
        rules, labels = exchange.snapshot.routing.classification, self.labels(exchange)
        classes = data_classes.classes_of(findings, labels, exchange.principal, rules)
        if not rules.sticky:
            return Classified(classes, labels)
        conversation = self.conversation(exchange, asked)
        keys = conversation.keys  # none: embeddings, and what else is no conversation
        held = self._conversations.held(keys) if keys else {}
        if held is None:
            return Classified(data_classes.with_history_out_of_reach(classes, rules), labels)
        classes = _with_history(classes, conversation, held, rules)
        known: Collection[bytes] = [key for key, names in held.items() if names]
        places = [prompt.texts[each.text_index].pointer for each in findings if data_classes.is_lasting(each, rules)]
        if places and prompt.document is not asked.document:  # positions in what is left are not those in what came
            places, known = [], conversation.steps
        keys = conversation.to_remember(places, known) if classes.lasting else ()
        return Classified(classes, labels, Remembering(conversation, classes.lasting, keys, rules, self._conversations))


def _with_history(
    classes: Classes, conversation: Conversation, held: Mapping[bytes, frozenset[str]], rules: Classification
) -> Classes:
    """Raises HistoryUnknown."""
    is_known = any(key in held for key in conversation.kept_as)
    if conversation.is_kept_elsewhere and not is_known:
        classes = data_classes.with_unknown_history(classes, rules)
    return data_classes.with_held(classes, frozenset().union(*held.values()), rules)
