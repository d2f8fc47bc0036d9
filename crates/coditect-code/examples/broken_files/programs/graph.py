import heapq


def edges(text):
    graph = {}
    for line in text.strip().splitlines():
        start, end, cost = line.split(",")
        graph.setdefault(start, []).append((end, int(cost)))
        graph.setdefault(end, [])
    return graph


def shortest(graph, start, goal):
    queue = [(0, start, [start])]
    seen = set()
    while queue:
        cost, here, path = heapq.heappop(queue)
        if here == goal:
            return cost, path
        if here in seen:
            continue
        seen.add(here)
        for there, more in graph[here]:
            if there not in seen:
                heapq.heappush(queue, (cost + more, there, path + [there]))
    return None


def order(graph):
    """Nodes so that each comes before those that it leads to."""
    state, found = {}, []

    def visit(node):
        if state.get(node) == 'done':
            return
        elif state.get(node) == 'open':
            raise ValueError('a circle at ' + node)
        state[node] = 'open'
        for other, _ in graph[node]:
            visit(other)
        state[node] = 'done'
        found.insert(0, node)

    for node in sorted(graph):
        visit(node)
    return found


def degree(graph, node, *, both=False):
    count = len(graph[node])
    if both:
        count += sum(1 for links in graph.values() for link in links if link[0] == node)
    return count


def is_tree(graph):
    roots = [node for node in graph if degree(graph, node, both=True) == degree(graph, node)]
    return len(roots) == 1 and all(
        degree(graph, node, both=True) - degree(graph, node) == (0 if node in roots else 1)
        for node in graph
    )


def render(graph):
    lines = []
    for node, links in graph.items():
        text = ", ".join("%s(%d)" % link for link in links)
        lines.append(f"{node} -> {text or 'nothing'}")
    return lines
