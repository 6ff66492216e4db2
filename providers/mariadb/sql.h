#pragma once

#include <string>
#include <string_view>
#include <vector>

// Every statement that fairlead sends to MariaDB, as a typed builder: names come as names, texts as
// texts, and nothing else is put into a statement. Pure. Measured on 10.11. One step is one
// statement; the forms, with APP a name of the grammar [a-z][a-z0-9-]* (no pattern character is in
// it), HASH `*` and 40 upper-case hex digits, N a number, DB, TABLE, ROUTINE, ROLE, USER and HOST
// any text that the server named, in backticks, with a backtick in it doubled:
//
//   SELECT VERSION(), CURRENT_USER()
//   SELECT 'database', … UNION ALL SELECT 'account', … (select_seen; with WHERE … = 'APP' for one
//     app). Rows of six texts:
//       database   ''    ''    NAME  CHARSET  COMMENT
//       account    USER  HOST  ''    ''       the JSON of mysql.global_priv
//       grant      USER  HOST  DB    ''       Y or N for each of grant_columns, in their order
//       table      USER  HOST  DB    TABLE    Table_priv,Column_priv
//       routine    USER  HOST  DB    ROUTINE  Routine_type,Proc_priv
//       role       USER  HOST  ROLE  ''       ''
//       session    USER  HOST:PORT   ID  ''   ''
//     For one app: its sessions. For all: sessions of accounts that are locked or have more than
//     one password. DB of a grant is the pattern as it was written, escapes included.
//   CREATE DATABASE `APP` CHARACTER SET utf8mb4 COMMENT 'TEXT'
//   CREATE USER `APP`@`%` IDENTIFIED VIA mysql_native_password USING 'HASH' SETTINGS ACCOUNT UNLOCK
//     PASSWORD EXPIRE NEVER
//   ALTER USER `APP`@`%` IDENTIFIED VIA mysql_native_password USING 'HASH' [OR
//     mysql_native_password USING 'HASH']… SETTINGS ACCOUNT UNLOCK PASSWORD EXPIRE NEVER
//       SETTINGS: REQUIRE NONE WITH MAX_QUERIES_PER_HOUR 0 MAX_UPDATES_PER_HOUR 0
//       MAX_CONNECTIONS_PER_HOUR 0 MAX_USER_CONNECTIONS N MAX_STATEMENT_TIME 0
//   ALTER USER `APP`@`%` ACCOUNT LOCK
//   GRANT SELECT, …, TRIGGER ON `APP`.* TO `APP`@`%`   (the list is app_privileges; the session's
//     sql_mode has NO_AUTO_CREATE_USER, without which a GRANT to an account that somebody dropped
//     meanwhile makes one without a password)
//   REVOKE P ON `APP`.* FROM `APP`@`%`                    (P: DELETE HISTORY and/or GRANT OPTION)
//   REVOKE ALL PRIVILEGES ON WHAT FROM `USER`@`HOST`      (leaves the grant option; of a role,
//   whose
//     host is empty: FROM `USER`)
//   REVOKE GRANT OPTION ON WHAT FROM `USER`@`HOST`
//       WHAT: *.* | `DB`.* | `DB`.`TABLE` | PROCEDURE `DB`.`ROUTINE` | FUNCTION … | PACKAGE … |
//       PACKAGE BODY …
//   REVOKE `ROLE` FROM `APP`@`%`
//   KILL CONNECTION N
//   DROP USER `APP`@`%`
//   DROP DATABASE `APP`
//
// Errors that are expected: 1007, 1008 (database exists, does not), 1396 (user exists, does not),
// 1133 (GRANT to none), 1141, 1959, 1962 (REVOKE of what is not there), 1094 (KILL of none).
// Measured: CREATE USER is refused with 1396 where rows in mysql.db have outlived the account, and
// DROP USER takes these away.
// Measured: of several passwords the JSON says "auth_or": [{}, {plugin, authentication_string}, …],
// with {} for the one of the outer level, which is the first; back at one, "auth_or": [{}] stays.
// DROP DATABASE leaves grants on it behind, DROP USER takes its own along. A locked account's
// sessions go on.
namespace fairlead::mariadb {

// "`a``b`". Whoever builds a statement for an app checks its name with is_name() first.
std::string identifier(std::string_view name);
// The name as GRANT takes it, where _ and % stand for other characters; not yet in backticks.
std::string pattern(std::string_view name);
// "'text'"; where a text has characters that mean different things under different sql_modes, in
// hex.
std::string literal(std::string_view text);

// The privileges of an app on its database.
inline constexpr std::string_view app_privileges[] = {
    "SELECT",      "INSERT",      "UPDATE",         "DELETE",
    "CREATE",      "DROP",        "REFERENCES",     "INDEX",
    "ALTER",       "LOCK TABLES", "EXECUTE",        "CREATE TEMPORARY TABLES",
    "CREATE VIEW", "SHOW VIEW",   "CREATE ROUTINE", "ALTER ROUTINE",
    "EVENT",       "TRIGGER"};
inline constexpr std::size_t app_privileges_count = std::size(app_privileges);
// What else mysql.db has, in the order of select_seen(), behind those of app_privileges.
inline constexpr std::string_view other_privileges[] = {"DELETE HISTORY", "GRANT OPTION"};

// What a privilege is held on.
struct Target {
  enum class Kind { global, database, table, procedure, function, package, package_body };
  Kind kind = Kind::global;
  std::string database;  // of Kind::database the pattern, as the server shows it
  std::string name;      // of a table or routine

  std::string text() const;  // as in the statements: "*.*", "`DB`.`TABLE`"
  bool operator==(const Target&) const = default;
};

struct Account {
  std::string user;
  std::string host = "%";  // empty: a role

  std::string text() const;  // "`blog`@`%`"; of a role "`role`"
  bool operator==(const Account&) const = default;
};

std::string select_version();
std::string select_seen(const std::string& app);  // empty: of all

std::string create_database(const std::string& app, const std::string& comment);
std::string create_user(const std::string& app, const std::string& hash, int connections_max);
// Sets all that an account has; any of the hashes opens it. At least one.
std::string alter_user(const std::string& app, const std::vector<std::string>& hashes,
                       int connections_max);
std::string lock_user(const std::string& app);
std::string grant(const std::string& app);
std::string revoke(const std::vector<std::string>& privileges, const std::string& app);
std::string revoke_all(const Target& target, const Account& account);
std::string revoke_grant_option(const Target& target, const Account& account);
std::string revoke_role(const std::string& role, const std::string& app);
std::string kill(const std::string& session);  // digits
std::string drop_user(const std::string& app);
std::string drop_database(const std::string& app);

}  // namespace fairlead::mariadb
