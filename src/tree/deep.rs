//! Contributions of leaves too deep for a table: integrated for each row, along the tree and not leaf by leaf.
//!
//! With the notation of [`contributions`](super::contributions), let `P(t)` at a node be the product of the factors
//! `f_j(t) = t·s_j + (1 − t)·z_j` of the columns on the way to it, and `G(t)` the sum of `v·P(t)` over the leaves below.
//! A column's share in all leaves below one of its edges is `∫ c(t)·G(t) dt` with `c = (s − z)/f`, less what an edge of the
//! same column further up has counted for them: `c_new − c_old`. So a node costs a few products a point, however long the
//! paths are (Yu et al. 2022, "Linear TreeSHAP", with the points of a quadrature, at which all factors are above
//! 0, in place of the coefficients of polynomials).

use fearless_simd::{Level, dispatch};

use super::contributions::Quadrature;
use super::predict::Tree;

/// Widths of a part: points that are computed with together.
const WIDTHS: [usize; 4] = [2, 4, 6, 8];
/// How a row stands at a node: off the way that the nodes of its column above demand, or going left, or right.
const STATES: usize = 3;
const LEFT: u8 = 1;
const RIGHT: u8 = 2;
/// Vectors a node and state: of its edge from the parent the factor and the coefficient, of its leaves `Σ v·f` and
/// `Σ v·f·c`.
const VECTORS: usize = 4;

/// The deep leaves of a tree and the nodes above them.
#[derive(Clone, Debug)]
pub(super) struct DeepLeaves {
    /// In preorder.
    nodes: Vec<DeepNode>,
    /// How each node is reached.
    arrivals: Vec<Arrival>,
    width: usize,
    parts: Vec<Part>,
}

/// The edge from a node's parent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// The parent; the root's is itself.
    pub(super) parent: u32,
    /// Column of the parent.
    pub(super) column: u32,
    /// State of a row at the parent that keeps to the way.
    pub(super) side: u8,
    /// Share of training rows that keep to the way at all nodes of that column so far.
    pub(super) share: f64,
}

/// Takes what is integrated for a node's column.
pub(super) trait Integrals {
    /// What stands below the integral at the points of a part; `states` are the row's, one a node.
    fn take<const W: usize>(&mut self, part: usize, states: &[u8], node: Place, integrand: &[f64; W]);
}

/// A node among the deep ones.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) index: usize,
    pub(super) column: usize,
}

/// Adds the integrals to their columns.
struct ToColumns<'a>(&'a mut [f64]);

impl Integrals for ToColumns<'_> {
    #[inline(always)]
    fn take<const W: usize>(&mut self, _: usize, _: &[u8], node: Place, integrand: &[f64; W]) {
        self.0[node.column] += total(integrand);
    }
}

#[derive(Clone, Copy, Debug)]
struct DeepNode {
    /// The node in its tree.
    at: u32,
    column: u32,
    parent: u32,
    /// The nearest node of the same column above, and the state there that leads here. Itself if there is none.
    same: u32,
    same_state: u8,
}

/// Some of the points.
#[derive(Clone, Debug)]
struct Part {
    points: Vec<f64>,
    weights: Vec<f64>,
    /// Nodes × [`STATES`] × [`VECTORS`] × width. A node's edge vectors go by the state of its parent.
    vectors: Vec<f64>,
}

/// What a row is computed with.
#[derive(Default)]
pub(super) struct Scratch {
    states: Vec<u8>,
    products: Vec<f64>,
    below: Vec<f64>,
    integrands: Vec<f64>,
}

/// An edge on the way down: the state of a deep node, and the share of training rows that kept to the way at all nodes of
/// its column.
#[derive(Clone, Copy)]
struct Edge {
    column: u32,
    node: u32,
    state: u8,
    share: f64,
}

impl DeepLeaves {
    /// The leaves of `tree` that `is_deep` marks; `quadrature` has to be exact for their paths.
    pub(super) fn new(tree: &Tree, is_deep: &[bool], quadrature: &Quadrature) -> Self {
        let points: Vec<(f64, f64)> = quadrature.points().collect();
        let width = WIDTHS.into_iter().find(|&width| width >= points.len()).unwrap_or(8);
        let mut deep = DeepLeaves { nodes: Vec::new(), arrivals: Vec::new(), width, parts: Vec::new() };
        if tree.nodes.is_empty() || !is_deep.contains(&true) {
            return deep;
        }
        let mut builder =
            Builder { tree, is_deep, rows: tree.rows_below(), deep: &mut deep, terms: Vec::new() };
        let root = Arrival { parent: 0, column: tree.nodes[0].column, side: 0, share: 1.0 };
        builder.add(0, root, &[]);
        let terms = builder.terms;
        deep.parts = points.chunks(width).map(|points| Part::new(points, width, &terms)).collect();
        deep
    }

    /// How each of the nodes is reached.
    pub(super) fn arrivals(&self) -> &[Arrival] {
        &self.arrivals
    }

    /// Column of each of the nodes.
    pub(super) fn columns(&self) -> impl Iterator<Item = u32> {
        self.nodes.iter().map(|node| node.column)
    }

    /// The points of each part.
    pub(super) fn points(&self) -> impl Iterator<Item = &[f64]> {
        self.parts.iter().map(|part| part.points.as_slice())
    }

    /// Adds the leaves' contributions for a row's decisions.
    pub(super) fn add(&self, decisions: &[u64], scratch: &mut Scratch, out: &mut [f64]) {
        self.integrate(decisions, scratch, &mut ToColumns(out));
    }

    /// Tells every node's integrand for a row's decisions, children before parents.
    pub(super) fn integrate(&self, decisions: &[u64], scratch: &mut Scratch, to: &mut impl Integrals) {
        // Compiled for each width of registers that processors have.
        dispatch!(Level::new(), _ => match self.width {
            _ if self.nodes.is_empty() => (),
            2 => self.integrate_by::<2>(decisions, scratch, to),
            4 => self.integrate_by::<4>(decisions, scratch, to),
            6 => self.integrate_by::<6>(decisions, scratch, to),
            _ => self.integrate_by::<8>(decisions, scratch, to),
        });
    }

    #[inline(always)]
    fn integrate_by<const W: usize>(
        &self,
        decisions: &[u64],
        scratch: &mut Scratch,
        to: &mut impl Integrals,
    ) {
        let Scratch { states, products, below, integrands } = scratch;
        self.find_states(decisions, states);
        for (index, part) in self.parts.iter().enumerate() {
            let vectors = part.vectors.as_chunks::<W>().0.as_chunks::<VECTORS>().0.as_chunks::<STATES>().0;
            let mut sums = Sums {
                products: room(products, self.nodes.len()),
                below: room(below, self.nodes.len()),
                integrands: room(integrands, self.nodes.len()),
            };
            self.go_down(states, vectors, &part.weights, &mut sums);
            self.come_up(states, vectors, &mut sums, |node, integrand| {
                to.take(index, states, node, integrand)
            });
        }
    }

    #[inline(always)]
    fn find_states(&self, decisions: &[u64], states: &mut Vec<u8>) {
        states.clear();
        for node in &self.nodes {
            let goes_right = decisions[node.at as usize / 64] >> (node.at % 64) & 1 == 0;
            let on_way = states.get(node.same as usize).is_none_or(|&state| state == node.same_state);
            states.push(u8::from(on_way) * (LEFT + u8::from(goes_right)));
        }
    }

    /// `P` of every node, and what its own leaves add to the other two.
    #[inline(always)]
    fn go_down<const W: usize>(
        &self,
        states: &[u8],
        vectors: &[[[[f64; W]; VECTORS]; STATES]],
        weights: &[f64],
        sums: &mut Sums<W>,
    ) {
        for (index, (node, vectors)) in self.nodes.iter().zip(vectors).enumerate() {
            let parent = node.parent as usize;
            let product = if index == 0 {
                std::array::from_fn(|i| weights[i])
            } else {
                times(&sums.products[parent], &vectors[usize::from(states[parent])][0])
            };
            let own = &vectors[usize::from(states[index])];
            sums.products[index] = product;
            sums.below[index] = times(&product, &own[2]);
            sums.integrands[index] = times(&product, &own[3]);
        }
    }

    /// `G` of every node from the nodes below, and its column's integrand.
    #[inline(always)]
    fn come_up<const W: usize>(
        &self,
        states: &[u8],
        vectors: &[[[[f64; W]; VECTORS]; STATES]],
        sums: &mut Sums<W>,
        mut tell: impl FnMut(Place, &[f64; W]),
    ) {
        for (index, node) in self.nodes.iter().enumerate().rev() {
            tell(Place { index, column: node.column as usize }, &sums.integrands[index]);
            if index > 0 {
                let parent = node.parent as usize;
                let below = sums.below[index];
                let share = times(&below, &vectors[index][usize::from(states[parent])][1]);
                add(&mut sums.below[parent], &below);
                add(&mut sums.integrands[parent], &share);
            }
        }
    }
}

/// Of every node.
struct Sums<'a, const W: usize> {
    /// `P`.
    products: &'a mut [[f64; W]],
    /// `G`.
    below: &'a mut [[f64; W]],
    /// What is integrated for the node's column.
    integrands: &'a mut [[f64; W]],
}

fn room<const W: usize>(of: &mut Vec<f64>, n: usize) -> &mut [[f64; W]] {
    if of.len() < n * W {
        of.resize(n * W, 0.0);
    }
    &mut of.as_chunks_mut().0[..n]
}

#[inline(always)]
fn add<const W: usize>(to: &mut [f64; W], terms: &[f64; W]) {
    to.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
}

#[inline(always)]
pub(super) fn times<const W: usize>(a: &[f64; W], b: &[f64; W]) -> [f64; W] {
    std::array::from_fn(|i| a[i] * b[i])
}

#[inline(always)]
pub(super) fn total<const W: usize>(terms: &[f64; W]) -> f64 {
    let mut sums = [0.0; 2];
    for pair in terms.as_chunks::<2>().0 {
        add(&mut sums, pair);
    }
    sums[0] + sums[1]
}

/// What a child adds to its parent's vectors, or to its own: by the share of its column on the way before and after.
#[derive(Clone, Copy)]
struct Term {
    /// The deep node whose vectors it goes to.
    node: u32,
    /// Whose state is meant: LEFT if the child is the left one.
    side: u8,
    /// None if the column is new on the way.
    old_share: Option<f64>,
    new_share: f64,
    /// A leaf's value.
    leaf: Option<f64>,
}

/// `c = (s − z)/f` and `f` at a point.
pub(super) fn coefficient(t: f64, present: bool, share: f64) -> (f64, f64) {
    let factor = (1.0 - t) * share + if present { t } else { 0.0 };
    (if present { (1.0 - share) / factor } else { -1.0 / (1.0 - t) }, factor)
}

impl Term {
    /// The factor that the child's edge adds and its coefficient, at a point and for a state of the parent.
    fn at(&self, t: f64, state: u8) -> (f64, f64) {
        let on_way = state != 0;
        let (coefficient_new, factor_new) = coefficient(t, state == self.side, self.new_share);
        match self.old_share {
            None => (factor_new, coefficient_new),
            Some(_) if !on_way => (factor_new / coefficient(t, false, self.old_share.unwrap_or(1.0)).1, 0.0),
            Some(share) => {
                let (coefficient_old, factor_old) = coefficient(t, true, share);
                (factor_new / factor_old, coefficient_new - coefficient_old)
            }
        }
    }
}

impl Part {
    fn new(points: &[(f64, f64)], width: usize, terms: &[Term]) -> Self {
        let n_nodes = terms.iter().map(|term| term.node as usize + 1).max().unwrap_or(0);
        let mut weights: Vec<f64> = points.iter().map(|(_, weight)| *weight).collect();
        weights.resize(width, 0.0);
        // A point of no weight stands where no factor is 0.
        let mut at: Vec<f64> = points.iter().map(|(t, _)| *t).collect();
        at.resize(width, 0.5);
        let mut vectors = vec![0.0; n_nodes * STATES * VECTORS * width];
        for term in terms {
            let of_node = &mut vectors[term.node as usize * STATES * VECTORS * width..];
            for (state, of_state) in of_node.chunks_mut(VECTORS * width).take(STATES).enumerate() {
                for (i, &(t, _)) in points.iter().enumerate() {
                    let (factor, coefficient) = term.at(t, state as u8);
                    let (first, of_first, of_second) = match term.leaf {
                        None => (0, factor, coefficient),
                        Some(value) => (2, value * factor, value * factor * coefficient),
                    };
                    of_state[first * width + i] += of_first;
                    of_state[(first + 1) * width + i] += of_second;
                }
            }
        }
        Part { points: at, weights, vectors }
    }
}

/// A tree's deep nodes on the way to vectors.
struct Builder<'a> {
    tree: &'a Tree,
    is_deep: &'a [bool],
    /// Training rows of every node.
    rows: Vec<f64>,
    deep: &'a mut DeepLeaves,
    terms: Vec<Term>,
}

impl Builder<'_> {
    /// Adds the node `at` and the deep ones below, reached by these edges.
    fn add(&mut self, at: usize, arrival: Arrival, edges: &[Edge]) {
        let index = self.deep.nodes.len() as u32;
        let node = &self.tree.nodes[at];
        let same = edges.iter().rev().find(|edge| edge.column == node.column).copied();
        self.deep.nodes.push(DeepNode {
            at: at as u32,
            column: node.column,
            parent: arrival.parent,
            same: same.map_or(index, |edge| edge.node),
            same_state: same.map_or(0, |edge| edge.state),
        });
        self.deep.arrivals.push(arrival);
        for (child, side) in [(node.left, LEFT), (node.right, RIGHT)] {
            if !self.has_deep(child) {
                continue;
            }
            let share = same.map_or(1.0, |edge| edge.share) * self.rows_of(child) / self.rows[at];
            let mut term = Term {
                node: index,
                side,
                old_share: same.map(|edge| edge.share),
                new_share: share,
                leaf: None,
            };
            if child < 0 {
                term.leaf = Some(self.tree.values[!child as usize]);
                self.terms.push(term);
            } else {
                term.node = self.deep.nodes.len() as u32;
                self.terms.push(term);
                let edge = Edge { column: node.column, node: index, state: side, share };
                let arrival = Arrival { parent: index, column: node.column, side, share };
                self.add(child as usize, arrival, &[edges, &[edge]].concat());
            }
        }
    }

    fn has_deep(&self, child: i32) -> bool {
        self.is_deep[self.tree.leaves_below(child)].contains(&true)
    }

    fn rows_of(&self, child: i32) -> f64 {
        self.tree.rows_of(&self.rows, child)
    }
}
