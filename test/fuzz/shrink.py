# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes a failing spec small: tries shorter texts and simpler options as long as the failure stays the same.

It knows the language only by its brackets and operators. What it tries need not be valid: an invalid text fails in another
way and is dropped (delta debugging: Zeller, Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002).
"""
import re

OPERATORS = [" else ", " if ", " or ", " and ", " + ", " - ", " * ", " / "]
MOST_RUNS = 300


def shrink(text, options, fails):
    """The smallest (text, options) found for which fails(text, options) holds, as it holds for what is given."""
    left, tried, progress = MOST_RUNS, 0, True
    while left > 0:
        candidates = list(simpler_options(options)) + [t for t in simpler_texts(text) if t != text]
        if tried >= len(candidates):
            if not progress:
                break
            tried, progress = 0, False
            continue
        candidate = candidates[tried]
        smaller = (candidate, matching(candidate, options)) if isinstance(candidate, str) else (text, candidate)
        left -= 1
        if fails(*smaller):
            (text, options), progress = smaller, True
        else:
            tried += 1
    return text, options


def simpler_texts(text):
    """Texts without a def, a statement, a result or an argument, then with less in an expression; large cuts first."""
    lines = text.splitlines(keepends=True)
    head = next(i for i, line in enumerate(lines) if line.startswith("kernel"))
    without = lambda i: "".join(lines[:i] + lines[i + 1:])
    yield from (without(i) for i in range(head))
    yield from without_results(lines, head)
    yield from (without(i) for i in range(head + 1, len(lines) - 1))
    yield from without_items(lines, head)
    for i in range(head + 1, len(lines) - 1):
        left, equals, right = lines[i].partition(" = ")
        yield from ("".join(lines[:i] + [left + equals + e + "\n"] + lines[i + 1:]) for e in simpler(right.strip()))


def without_results(lines, head):
    before, results = lines[head].split(" -> ")
    names = top_level(results.rstrip(" {\n"), ", ")
    for k, result in enumerate(names):
        rest = names[:k] + names[k + 1:]
        name = result.split(":")[0]
        body = [line for line in lines[head + 1:] if not re.match(rf"  {name}\b", line)]
        if rest:
            yield "".join(lines[:head] + [f"{before} -> {', '.join(rest)} {{\n"] + body)


def without_items(lines, head):
    start, end = lines[head].index("(") + 1, lines[head].index(") -> ")
    arguments = top_level(lines[head][start:end], ", ")
    for k in range(len(arguments)):
        line = lines[head][:start] + ", ".join(arguments[:k] + arguments[k + 1:]) + lines[head][end:]
        yield "".join(lines[:head] + [line] + lines[head + 1:])


def simpler(e):
    """Expressions that hold less: one side of an operator, what a bracket or a call holds; then the same inside."""
    for operator in OPERATORS:
        parts = top_level(e, operator)
        if len(parts) > 1:
            yield from (operator.join(parts[:k] + parts[k + 1:]) for k in range(len(parts)))
            for k, part in enumerate(parts):
                yield from (operator.join(parts[:k] + [s] + parts[k + 1:]) for s in simpler(part))
            return
    call = re.match(r"(-?\w*(?:\[[^\]]*\] ?)?)\((.*)\)(\[[^\]]*\])?$", e)
    if call and balanced(call.group(2)):
        yield call.group(2)
        arguments = top_level(call.group(2), ", ")
        if len(arguments) > 1:
            yield from arguments
        if call.group(3):
            yield arguments[0] + call.group(3)
        for k, argument in enumerate(arguments):
            inside = (", ".join(arguments[:k] + [s] + arguments[k + 1:]) for s in simpler(argument))
            yield from (f"{call.group(1)}({s}){call.group(3) or ''}" for s in inside)


def balanced(e):
    depth = 0
    for c in e:
        depth += (c in "([{") - (c in ")]}")
        if depth < 0:
            return False
    return depth == 0


def top_level(e, separator):
    """e split at the separators that stand in no bracket."""
    parts, depth, start, i = [], 0, 0, 0
    while i < len(e):
        if depth == 0 and e.startswith(separator, i) and i > start:
            parts.append(e[start:i])
            i += len(separator)
            start = i
            continue
        depth += (e[i] in "([{") - (e[i] in ")]}")
        i += 1
    return parts + [e[start:]]


def sizes_of(options):
    at = options.index("--size") + 1
    return at, dict(pair.split("=") for pair in options[at].split(",") if pair)


def simpler_options(options):
    for name in ("--tile", "--type", "--threads"):
        if name in options:
            k = options.index(name)
            yield options[:k] + options[k + 2:]
    at, sizes = sizes_of(options)
    for name, size in sizes.items():
        for less in dict.fromkeys([1, int(size) // 2, int(size) - 1]):
            if 0 < less < int(size):
                yield options[:at] + [",".join(f"{n}={less if n == name else s}" for n, s in sizes.items())] + options[at + 1:]


def matching(text, options):
    """The options without extents and tiles of ranks that the text has no more."""
    at, sizes = sizes_of(options)
    used = {r.upper() for r in re.findall(r"\b[a-z]\b", text[text.index("kernel"):])}
    return options[:at] + [",".join(f"{n}={s}" for n, s in sizes.items() if n in used)] + options[at + 1:]
