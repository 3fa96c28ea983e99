//! Who may depend on whom inside this workspace.

use crate::graph::{Graph, Package};

/// The one table. Lowest first, so arrows point only to rows above.
const LAYERS: &[Layer] = &[
    Layer { member: "ensue-derive", below: Below::These(&[]) },
    Layer { member: "ensue-core", below: Below::These(&["ensue-derive"]) },
    Layer { member: "ensue", below: Below::These(&["ensue-core", "ensue-derive"]) },
    Layer { member: "ensue-sqlite", below: Below::These(&["ensue"]) },
    Layer { member: "ensue-mysql", below: Below::These(&["ensue"]) },
    Layer { member: "ensue-postgres", below: Below::These(&["ensue"]) },
    Layer { member: "ensue-amqp", below: Below::These(&["ensue"]) },
    Layer { member: "ensue-http", below: Below::These(&["ensue"]) },
    Layer { member: "ensue-conformance", below: Below::These(&["ensue"]) },
    Layer {
        member: "shop",
        below: Below::These(&[
            "ensue",
            "ensue-amqp",
            "ensue-core",
            "ensue-http",
            "ensue-mysql",
            "ensue-postgres",
            "ensue-sqlite",
        ]),
    },
    Layer { member: "bench", below: Below::AnythingPublishedAnd(&["servers"]) },
    Layer { member: "simulation", below: Below::These(&["ensue"]) },
    Layer { member: "servers", below: Below::These(&[]) },
    Layer {
        member: "torture",
        below: Below::These(&["ensue", "ensue-mysql", "ensue-postgres", "ensue-sqlite", "servers"]),
    },
    Layer { member: "xtask", below: Below::These(&["servers"]) },
];

pub(crate) fn complaints(graph: &Graph) -> Vec<String> {
    let of_members = graph.members().flat_map(|member| complaints_about(member, graph));
    of_members.chain(complaints_about_rows(graph)).collect()
}

struct Layer {
    member: &'static str,
    below: Below,
}

enum Below {
    These(&'static [&'static str]),
    AnythingPublishedAnd(&'static [&'static str]),
}

impl Below {
    fn allows(&self, package: &Package) -> bool {
        match self {
            Self::These(names) => names.contains(&package.name.as_str()),
            Self::AnythingPublishedAnd(names) => {
                package.is_published || names.contains(&package.name.as_str())
            }
        }
    }
}

fn complaints_about(member: &Package, graph: &Graph) -> Vec<String> {
    let name = &member.name;
    let Some(layer) = LAYERS.iter().find(|layer| layer.member == name) else {
        return vec![format!(
            "the crate `{name}` has no row in xtask/src/layers.rs; \
             add one that names the workspace crates it may depend on"
        )];
    };
    graph
        .taken_directly_by(member)
        .filter(|package| package.is_member && !layer.below.allows(package))
        .map(|package| {
            format!(
                "`{name}` depends on `{}`, which is not below it in xtask/src/layers.rs; \
                 move the code to where the arrow points down",
                package.name
            )
        })
        .collect()
}

/// A row that outlives its crate would go on allowing arrows to whatever takes the name next.
fn complaints_about_rows(graph: &Graph) -> impl Iterator<Item = String> {
    LAYERS.iter().map(|layer| layer.member).filter_map(|name| {
        let is_there = graph.members().any(|member| member.name == name);
        (!is_there).then(|| {
            format!("xtask/src/layers.rs has a row for `{name}`, which is no crate; remove the row")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::made_up;

    const ALLOWED: &[(&str, &[&str])] = &[
        ("ensue-derive", &["syn"]),
        ("ensue-core", &["ensue-derive", "serde"]),
        ("ensue", &["ensue-core", "ensue-derive", "tokio"]),
        ("ensue-sqlite", &["ensue", "sqlx"]),
        ("ensue-mysql", &["ensue", "sqlx"]),
        ("ensue-postgres", &["ensue", "sqlx"]),
        ("ensue-amqp", &["ensue", "lapin"]),
        ("ensue-http", &["ensue"]),
        ("ensue-conformance", &["ensue"]),
        ("shop", &["ensue", "ensue-core", "ensue-http", "ensue-postgres", "ensue-sqlite"]),
        ("bench", &["ensue-conformance", "ensue-sqlite"]),
        ("simulation", &["ensue"]),
        ("servers", &["sqlx", "tempfile"]),
        ("torture", &["ensue", "ensue-postgres", "ensue-sqlite", "servers"]),
        ("xtask", &["clap", "servers"]),
    ];

    #[test]
    fn arrows_that_point_down_are_fine() {
        assert_eq!(complaints(&made_up::graph(ALLOWED)), [""; 0]);
    }

    #[test]
    fn an_arrow_that_points_up_is_named_with_both_ends() {
        let found = complaints_with("ensue-core", &["ensue"]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("`ensue-core` depends on `ensue`,"));
    }

    #[test]
    fn an_arrow_between_neighbours_is_not_fine() {
        assert_eq!(complaints_with("ensue-http", &["ensue-sqlite"]).len(), 1);
    }

    #[test]
    fn bench_may_take_only_what_is_published() {
        let rows = with_row("bench", &["ensue", "shop"]);
        let graph = made_up::without_publishing(made_up::graph(&rows), "shop");
        let found = complaints(&graph);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("`bench` depends on `shop`,"));
    }

    #[test]
    fn a_crate_without_a_row_says_what_to_do() {
        let found = complaints_with("ensue-of-tomorrow", &["ensue"]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("`ensue-of-tomorrow` has no row in xtask/src/layers.rs; add one")
        );
    }

    #[test]
    fn a_row_without_a_crate_says_what_to_do() {
        let found = complaints(&made_up::graph(&ALLOWED[..ALLOWED.len() - 1]));
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("a row for `xtask`"));
    }

    #[test]
    fn every_row_points_only_to_rows_above_it() {
        for (index, layer) in LAYERS.iter().enumerate() {
            let Below::These(names) = layer.below else { continue };
            let is_above = |name: &&str| LAYERS[..index].iter().any(|row| row.member == *name);
            assert!(names.iter().all(is_above), "{} points down", layer.member);
        }
    }

    fn complaints_with(name: &'static str, takes: &'static [&'static str]) -> Vec<String> {
        complaints(&made_up::graph(&with_row(name, takes)))
    }

    type Row = (&'static str, &'static [&'static str]);

    fn with_row(name: &'static str, takes: &'static [&'static str]) -> Vec<Row> {
        let others = ALLOWED.iter().copied().filter(|row| row.0 != name);
        others.chain([(name, takes)]).collect()
    }
}
