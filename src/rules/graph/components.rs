//! What of a graph depends on each other, and what comes after what.

/// Numbers the strong components of a graph, given by node the nodes that it leads to, so that a component is numbered
/// after all that can be reached from it (Tarjan's algorithm, without recursion). Returns the component of each node
/// and how many there are. Cost: nodes and edges.
pub(in crate::rules) fn strong_components(edges: &[Vec<u32>]) -> (Vec<usize>, usize) {
    const UNSEEN: usize = usize::MAX;
    let nodes = edges.len();
    let (mut index, mut low, mut component_of) = (vec![UNSEEN; nodes], vec![0; nodes], vec![UNSEEN; nodes]);
    let (mut next, mut count) = (0, 0);
    let (mut open, mut way): (Vec<usize>, Vec<(usize, usize)>) = (Vec::new(), Vec::new());
    for root in 0..nodes {
        if index[root] != UNSEEN {
            continue;
        }
        way.push((root, 0));
        while let Some((node, edge)) = way.pop() {
            if edge == 0 {
                (index[node], low[node]) = (next, next);
                next += 1;
                open.push(node);
            }
            if let Some(to) = edges[node].get(edge).map(|to| *to as usize) {
                way.push((node, edge + 1));
                if index[to] == UNSEEN {
                    way.push((to, 0));
                } else if component_of[to] == UNSEEN {
                    low[node] = low[node].min(index[to]);
                }
                continue;
            }
            if low[node] == index[node] {
                while let Some(member) = open.pop() {
                    component_of[member] = count;
                    if member == node {
                        break;
                    }
                }
                count += 1;
            }
            if let Some((parent, _)) = way.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
        }
    }
    (component_of, count)
}
