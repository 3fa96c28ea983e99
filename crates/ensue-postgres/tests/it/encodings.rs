//! Databases whose encoding cannot hold every string.

use ensue::ErrorKind;
use ensue_postgres::PostgresOptions;

use crate::server::Database;

#[tokio::test]
async fn a_database_whose_encoding_cannot_hold_every_string_is_refused_with_the_way_out() {
    let database = Database::new().await;
    for encoding in ["LATIN1", "WIN1252", "EUC_JP", "SQL_ASCII"] {
        let name = format!("{}_{}", database.name(), encoding.to_lowercase());
        let create = "ENCODING 'IT' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
        let create = create.replace("IT", encoding);
        database.execute(format!("CREATE DATABASE {name} {create}")).await;
        let options = PostgresOptions::new(database.options().database(&name));
        let refused = [
            options.clone().connect().await.unwrap_err(),
            options.connect_to_replica().await.unwrap_err(),
        ];
        for refused in refused {
            assert_eq!(refused.kind(), ErrorKind::Configuration, "{refused}");
            let text = refused.to_string();
            assert!(text.contains(encoding) && text.contains("ENCODING 'UTF8'"), "{text}");
        }
        database.execute(format!("DROP DATABASE {name} (FORCE)")).await;
    }
}
