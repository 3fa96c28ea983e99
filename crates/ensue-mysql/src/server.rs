//! What server it is.

use ensue::Error;
use sqlx::{MySqlConnection, Row};

use crate::error::failed;

/// The oldest versions with window functions, NOWAIT locks, expressions as defaults, enforced
/// constraints, and a binary collation that pads no spaces.
const MARIADB_MIN: Version = (10, 6, 0);
const MYSQL_MIN: Version = (8, 0, 17);

type Version = (u32, u32, u32);

pub(crate) async fn refuse_old(connection: &mut MySqlConnection) -> Result<(), Error> {
    let what = || "cannot ask which server it is, and for which database".to_owned();
    let rows = sqlx::raw_sql("SELECT VERSION(), DATABASE()").fetch_all(connection).await;
    let rows = rows.map_err(failed(what))?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound).map_err(failed(what))?;
    let said: String = row.try_get(0).map_err(failed(what))?;
    if row.try_get::<Option<String>, _>(1).map_err(failed(what))?.is_none() {
        return Err(Error::configuration("the database's url names no database"));
    }
    complaint_about(&said).map_or(Ok(()), |complaint| Err(Error::configuration(complaint)))
}

/// From what a server says, such as `8.0.36` or `10.11.6-MariaDB-1`.
fn complaint_about(said: &str) -> Option<String> {
    let (name, oldest) = match said.contains("MariaDB") {
        true => ("MariaDB", MARIADB_MIN),
        false => ("MySQL", MYSQL_MIN),
    };
    let found = version(said)?;
    let shown = |(major, minor, patch)| format!("{major}.{minor}.{patch}");
    (found < oldest).then(|| {
        let (found, oldest) = (shown(found), shown(oldest));
        format!("the server is {name} {found}, and must be {oldest} or newer")
    })
}

fn version(said: &str) -> Option<Version> {
    let mut numbers = said.split(['.', '-']).map_while(|number| number.parse().ok());
    Some((numbers.next()?, numbers.next()?, numbers.next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_server_is_refused_by_its_name_and_version() {
        let complaint = complaint_about("10.5.2-MariaDB").unwrap();
        assert_eq!(complaint, "the server is MariaDB 10.5.2, and must be 10.6.0 or newer");
        let complaint = complaint_about("5.7.44-log").unwrap();
        assert_eq!(complaint, "the server is MySQL 5.7.44, and must be 8.0.17 or newer");
        for said in ["10.11.19-MariaDB-0+deb12u1", "11.4.2-MariaDB", "8.0.36", "9.1.0", "unknown"] {
            assert_eq!(complaint_about(said), None);
        }
    }
}
