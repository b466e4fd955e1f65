"""One way to write a graph: names and order in an ONNX file come from what it computes, from nothing else.

Converters name nodes by counters and keep, of nodes that compute the same, whichever comes first in memory. So the same
network made files that differed in bytes. Here every node is named by its place in a walk from the outputs through
their inputs, and what computes the same is one node.
"""

from __future__ import annotations

from typing import Any

GRAPH_NAME = "network"

ROWS = "n"
"""What sizes are called that differ from call to call."""


def make_canonical(model: Any) -> None:
    """Name and order nodes and constants of a graph anew, in place; inputs and outputs keep their names.

    Parameters
    ----------
    model : onnx.ModelProto
        Without subgraphs (loops, branches).

    Raises
    ------
    ValueError
        When a node has a subgraph, whose names would have to change with the others.
    """
    graph = model.graph
    constants = {constant.name: constant for constant in graph.initializer}
    maker = {name: node for node in graph.node for name in node.output if name}
    names = {given.name: given.name for given in graph.input}
    names[""] = ""  # an optional input that is not there
    outputs = [wanted.name for wanted in graph.output]
    known: dict[bytes, tuple[str, ...]] = {}
    kept_nodes: list[Any] = []
    kept_constants: list[Any] = []

    def keep_constant(name: str) -> None:
        constant = type(constants[name])()
        constant.CopyFrom(constants[name])
        constant.name = ""
        content = b"constant" + constant.SerializeToString(deterministic=True)
        if content not in known:
            constant.name = f"constant_{len(kept_constants)}"
            kept_constants.append(constant)
            known[content] = (constant.name,)
        names[name] = known[content][0]

    def keep_node(node: Any) -> None:
        own = type(node)()
        own.op_type, own.domain = node.op_type, node.domain
        own.input.extend(names[name] for name in node.input)
        for attribute in sorted(node.attribute, key=lambda one: str(one.name)):
            if attribute.HasField("g") or len(attribute.graphs):
                raise ValueError(f"Expected no subgraph in the network, got one in {node.op_type}.")
            own.attribute.add().CopyFrom(attribute)
        wanted = [name for name in node.output if name in outputs]
        content = own.SerializeToString(deterministic=True) + bytes(bool(name) for name in node.output)
        if wanted or content not in known:
            own.name = f"{node.op_type}_{len(kept_nodes)}"
            places = len(node.output)
            fresh = [own.name if places == 1 else f"{own.name}_{place}" for place in range(places)]
            made = tuple(old if old in wanted else new if old else "" for old, new in zip(node.output, fresh))
            own.output.extend(made)
            kept_nodes.append(own)
            known.setdefault(content, made)
        else:
            made = known[content]
        names.update(zip(node.output, made))
        names[""] = ""

    waiting = list(reversed(outputs))
    while waiting:
        name = waiting[-1]
        if name in names:
            waiting.pop()
        elif name in constants:
            keep_constant(name)
        else:
            node = maker[name]
            missing = [given for given in node.input if given not in names]
            if missing:
                waiting.extend(reversed(missing))
            else:
                keep_node(node)
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept_nodes)
    graph.initializer.extend(kept_constants)
    graph.name, graph.doc_string = GRAPH_NAME, ""
    for border in (*graph.input, *graph.output):
        for size in border.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_param = ROWS
