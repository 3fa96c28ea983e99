//! Which package takes which. Dev-dependencies are left out: nobody who takes a package gets them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cargo_metadata::{DependencyKind, Metadata, Node};

pub(crate) struct Graph {
    packages: BTreeMap<Id, Package>,
}

pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) is_member: bool,
    pub(crate) is_published: bool,
    takes: Vec<Id>,
}

// Names do not do as keys: a graph may hold two versions of one package.
type Id = String;

impl Graph {
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| package.is_member)
    }

    pub(crate) fn taken_directly_by(&self, package: &Package) -> impl Iterator<Item = &Package> {
        package.takes.iter().filter_map(|id| self.packages.get(id))
    }

    /// The shortest way from the package called `start` down to one that is wanted, by names.
    pub(crate) fn way_down(
        &self,
        start: &str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Option<Vec<&str>> {
        let start = self.packages.values().find(|package| package.name == start)?;
        let mut seen = BTreeSet::new();
        let mut queue = VecDeque::from([(start, vec![start.name.as_str()])]);
        while let Some((package, way)) = queue.pop_front() {
            if way.len() > 1 && is_wanted(&package.name) {
                return Some(way);
            }
            for id in package.takes.iter().filter(|id| seen.insert(*id)) {
                let Some(next) = self.packages.get(id) else { continue };
                queue.push_back((next, [way.as_slice(), &[next.name.as_str()]].concat()));
            }
        }
        None
    }
}

impl From<&Metadata> for Graph {
    fn from(metadata: &Metadata) -> Self {
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let takes: BTreeMap<_, _> = nodes.map(|node| (&node.id, taken_by(node))).collect();
        let packages = metadata.packages.iter().map(|package| {
            let known = Package {
                name: package.name.to_string(),
                is_member: metadata.workspace_members.contains(&package.id),
                is_published: is_published(package),
                takes: takes.get(&package.id).cloned().unwrap_or_default(),
            };
            (package.id.to_string(), known)
        });
        Self { packages: packages.collect() }
    }
}

fn taken_by(node: &Node) -> Vec<Id> {
    let is_kept = |kind: DependencyKind| kind != DependencyKind::Development;
    node.deps
        .iter()
        .filter(|dependency| dependency.dep_kinds.iter().any(|kind| is_kept(kind.kind)))
        .map(|dependency| dependency.pkg.to_string())
        .collect()
}

/// `publish = false` arrives as an empty list of registries.
pub(crate) fn is_published(package: &cargo_metadata::Package) -> bool {
    package.publish.as_ref().is_none_or(|registries| !registries.is_empty())
}

#[cfg(test)]
pub(crate) mod made_up {
    use super::*;

    /// What has a row is a published member; what is only taken is foreign.
    pub(crate) fn graph(rows: &[(&str, &[&str])]) -> Graph {
        let foreign = rows.iter().flat_map(|(_, takes)| *takes).map(|name| package(name, &[]));
        let members =
            rows.iter().map(|(name, takes)| Package { is_member: true, ..package(name, takes) });
        let packages = foreign.chain(members).map(|package| (package.name.clone(), package));
        Graph { packages: packages.collect() }
    }

    pub(crate) fn without_publishing(mut graph: Graph, name: &str) -> Graph {
        graph.packages.get_mut(name).expect("a row").is_published = false;
        graph
    }

    fn package(name: &str, takes: &[&str]) -> Package {
        let takes = takes.iter().map(|name| (*name).to_owned()).collect();
        Package { name: name.to_owned(), is_member: false, is_published: true, takes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_down_is_the_shortest() {
        let graph = made_up::graph(&[
            ("top", &["long", "short"]),
            ("long", &["longer"]),
            ("longer", &["bottom"]),
            ("short", &["bottom"]),
        ]);
        let way = graph.way_down("top", |name| name == "bottom");
        assert_eq!(way, Some(vec!["top", "short", "bottom"]));
    }

    #[test]
    fn a_package_is_not_below_itself() {
        let graph = made_up::graph(&[("top", &["bottom"])]);
        assert_eq!(graph.way_down("top", |name| name == "top"), None);
    }

    #[test]
    fn a_circle_ends() {
        let graph = made_up::graph(&[("left", &["right"]), ("right", &["left"])]);
        assert_eq!(graph.way_down("left", |name| name == "elsewhere"), None);
    }
}
