#include "providers/mariadb/sql.h"

#include <algorithm>
#include <initializer_list>

#include "reconciler/check.h"
#include "reconciler/grammar.h"

namespace fairlead::mariadb {
namespace {

// A char may be signed; what is not plain ASCII is never plain here.
bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' ||
         c == '*' || c == '-' || c == '.' || c == '_' || c == ':' || c == ',' || c == '/' ||
         c == '%';
}

std::string app_identifier(const std::string& app) {
  FAIRLEAD_CHECK(is_name(app));
  return identifier(app);
}

std::string app_account(const std::string& app) {
  FAIRLEAD_CHECK(is_name(app));
  return Account{app}.text();
}

std::string app_target(const std::string& app) {
  FAIRLEAD_CHECK(is_name(app));
  return Target{Target::Kind::database, pattern(app), ""}.text();
}

bool is_hash(const std::string& text) {
  return text.size() == 41 && text[0] == '*' &&
         std::all_of(text.begin() + 1, text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); });
}

std::string settings(int connections_max) {
  return " REQUIRE NONE WITH MAX_QUERIES_PER_HOUR 0 MAX_UPDATES_PER_HOUR 0"
         " MAX_CONNECTIONS_PER_HOUR 0 MAX_USER_CONNECTIONS " +
         std::to_string(connections_max) +
         " MAX_STATEMENT_TIME 0 ACCOUNT UNLOCK PASSWORD EXPIRE NEVER";
}

std::string identified(const std::vector<std::string>& hashes) {
  FAIRLEAD_CHECK(!hashes.empty());
  std::string text = " IDENTIFIED VIA";
  for (const std::string& hash : hashes) {
    FAIRLEAD_CHECK(is_hash(hash));
    if (&hash != &hashes.front()) text += " OR";
    text += " mysql_native_password USING ";
    text += literal(hash);
  }
  return text;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += ", ";
    text += part;
  }
  return text;
}

// One part of the observation. The columns of the server's tables differ in character set and
// collation, and UNION refuses to choose.
std::string part(std::string_view kind, std::initializer_list<std::string_view> columns,
                 std::string_view table, const std::string& where) {
  std::string text = "SELECT '";
  text += kind;
  text += "'";
  for (const std::string_view column : columns) {
    text += ", ";
    if (column == "''") {
      text += column;
      continue;
    }
    text += "CONVERT(";
    text += column;
    text += " USING utf8mb4) COLLATE utf8mb4_bin";
  }
  text += " FROM ";
  text += table;
  if (!where.empty()) text += " WHERE " + where;
  return text;
}

// The order is that of app_privileges, then of other_privileges.
constexpr std::string_view grant_columns =
    "CONCAT(Select_priv, Insert_priv, Update_priv, Delete_priv, Create_priv, Drop_priv, "
    "References_priv, Index_priv, Alter_priv, Lock_tables_priv, Execute_priv, "
    "Create_tmp_table_priv, Create_view_priv, Show_view_priv, Create_routine_priv, "
    "Alter_routine_priv, Event_priv, Trigger_priv, Delete_history_priv, Grant_priv)";

}  // namespace

std::string identifier(std::string_view name) {
  std::string text = "`";
  for (const char c : name) {
    if (c == '`') text += c;
    text += c;
  }
  return text + "`";
}

std::string pattern(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c == '_' || c == '%' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

std::string literal(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), plain)) {
    std::string quoted = "'";
    quoted += text;
    return quoted + "'";
  }
  static const char* const hex = "0123456789ABCDEF";
  std::string out = "X'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += hex[byte >> 4];
    out += hex[byte & 15];
  }
  return out + "'";
}

std::string Target::text() const {
  switch (kind) {
    case Kind::global:
      return "*.*";
    case Kind::database:
      return identifier(database) + ".*";
    case Kind::table:
      return identifier(database) + "." + identifier(name);
    case Kind::procedure:
      return "PROCEDURE " + identifier(database) + "." + identifier(name);
    case Kind::function:
      return "FUNCTION " + identifier(database) + "." + identifier(name);
    case Kind::package:
      return "PACKAGE " + identifier(database) + "." + identifier(name);
    case Kind::package_body:
      return "PACKAGE BODY " + identifier(database) + "." + identifier(name);
  }
  return "";
}

std::string Account::text() const {
  return host.empty() ? identifier(user) : identifier(user) + "@" + identifier(host);
}

std::string select_version() { return "SELECT VERSION(), CURRENT_USER()"; }

std::string select_seen(const std::string& app) {
  FAIRLEAD_CHECK(app.empty() || is_name(app));
  const auto is = [&](const char* column) {
    return app.empty() ? std::string() : std::string(column) + " = " + literal(app);
  };
  const std::string grants = app.empty() ? "" : is("User") + " OR " + is("Db");
  // Sessions decide only where they are to be ended; of all apps they would be thousands.
  const std::string sessions =
      app.empty() ? "USER IN (SELECT User FROM mysql.global_priv WHERE JSON_CONTAINS(Priv, 'true', "
                    "'$.account_locked') OR JSON_LENGTH(Priv, '$.auth_or') > 1)"
                  : is("USER");
  const std::string between = " UNION ALL ";
  return part("database",
              {"''", "''", "SCHEMA_NAME", "DEFAULT_CHARACTER_SET_NAME", "SCHEMA_COMMENT"},
              "information_schema.SCHEMATA", is("SCHEMA_NAME")) +
         between +
         part("account", {"User", "Host", "''", "''", "Priv"}, "mysql.global_priv", is("User")) +
         between + part("grant", {"User", "Host", "Db", "''", grant_columns}, "mysql.db", grants) +
         between +
         part("table", {"User", "Host", "Db", "Table_name", "CONCAT(Table_priv, ',', Column_priv)"},
              "mysql.tables_priv", is("User")) +
         between +
         part("routine",
              {"User", "Host", "Db", "Routine_name", "CONCAT(Routine_type, ',', Proc_priv)"},
              "mysql.procs_priv", is("User")) +
         between +
         part("role", {"User", "Host", "Role", "''", "''"}, "mysql.roles_mapping", is("User")) +
         between +
         part("session", {"USER", "HOST", "ID", "''", "''"}, "information_schema.PROCESSLIST",
              sessions) +
         between +
         part("server", {"''", "''", "''", "''", "VARIABLE_VALUE"},
              "information_schema.GLOBAL_VARIABLES", "VARIABLE_NAME = 'MAX_CONNECTIONS'");
}

std::string create_database(const std::string& app, const std::string& comment) {
  return "CREATE DATABASE " + app_identifier(app) + " CHARACTER SET utf8mb4 COMMENT " +
         literal(comment);
}

std::string create_user(const std::string& app, const std::string& hash, int connections_max) {
  return "CREATE USER " + app_account(app) + identified({hash}) + settings(connections_max);
}

std::string alter_user(const std::string& app, const std::vector<std::string>& hashes,
                       int connections_max) {
  return "ALTER USER " + app_account(app) + identified(hashes) + settings(connections_max);
}

std::string lock_user(const std::string& app) {
  return "ALTER USER " + app_account(app) + " ACCOUNT LOCK";
}

std::string grant(const std::string& app) {
  const std::vector<std::string> all(std::begin(app_privileges), std::end(app_privileges));
  return "GRANT " + joined(all) + " ON " + app_target(app) + " TO " + app_account(app);
}

std::string revoke(const std::vector<std::string>& privileges, const std::string& app) {
  for (const std::string& held : privileges) {
    FAIRLEAD_CHECK(std::find(std::begin(other_privileges), std::end(other_privileges), held) !=
                   std::end(other_privileges));
  }
  return "REVOKE " + joined(privileges) + " ON " + app_target(app) + " FROM " + app_account(app);
}

std::string revoke_all(const Target& target, const Account& account) {
  return "REVOKE ALL PRIVILEGES ON " + target.text() + " FROM " + account.text();
}

std::string revoke_grant_option(const Target& target, const Account& account) {
  return "REVOKE GRANT OPTION ON " + target.text() + " FROM " + account.text();
}

std::string revoke_role(const std::string& role, const std::string& app) {
  return "REVOKE " + identifier(role) + " FROM " + app_account(app);
}

std::string kill(const std::string& session) {
  FAIRLEAD_CHECK(!session.empty() && session.find_first_not_of("0123456789") == session.npos);
  return "KILL CONNECTION " + session;
}

std::string drop_user(const std::string& app) { return "DROP USER " + app_account(app); }

std::string drop_database(const std::string& app) { return "DROP DATABASE " + app_identifier(app); }

}  // namespace fairlead::mariadb
