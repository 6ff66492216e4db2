#include "providers/mariadb/policy.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "providers/mariadb/sql.h"
#include "reconciler/grammar.h"

namespace fairlead::mariadb {
namespace {

Error denied(const std::string& what) {
  return {Code::denied, "refused by fairlead's policy: " + what, ""};
}

// A statement with empty quotes, and what was in its backticks.
struct Skeleton {
  std::string text;
  std::vector<std::string> names;
};

// Nothing where a quote is left open, or where a text has a character of which the server's mode
// says what it means.
std::optional<Skeleton> read(std::string_view statement) {
  Skeleton skeleton;
  for (std::size_t i = 0; i < statement.size(); ++i) {
    const char quote = statement[i];
    skeleton.text += quote;
    if (quote != '`' && quote != '\'') continue;
    std::string inside;
    for (++i; i < statement.size(); ++i) {
      if (statement[i] != quote) {
        inside += statement[i];
      } else if (i + 1 < statement.size() && statement[i + 1] == quote) {
        inside += statement[i++];
      } else {
        break;
      }
    }
    if (i == statement.size()) return std::nullopt;
    if (quote == '\'' && inside.find('\\') != inside.npos) return std::nullopt;
    skeleton.text += quote;
    if (quote == '`') skeleton.names.push_back(std::move(inside));
  }
  return skeleton;
}

bool begins(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::string skeleton_of(const std::string& statement) {
  const std::optional<Skeleton> skeleton = read(statement);
  return skeleton ? skeleton->text : "";
}

// The forms of which all that is not a name, a text or a number is fixed.
bool is_fixed_form(const std::string& text) {
  static const std::vector<std::string> forms = {
      skeleton_of(create_database("a", "a")), skeleton_of(lock_user("a")), skeleton_of(grant("a")),
      skeleton_of(drop_user("a")), skeleton_of(drop_database("a"))};
  return std::find(forms.begin(), forms.end(), text) != forms.end();
}

bool is_account_form(const std::string& text) {
  const bool account =
      begins(text, "CREATE USER ``@`` IDENTIFIED VIA mysql_native_password USING ") ||
      begins(text, "ALTER USER ``@`` IDENTIFIED VIA mysql_native_password USING ");
  return account && contains(text, " REQUIRE NONE WITH ") && !contains(text, " BY ");
}

bool is_revoke(const std::string& text) {
  return begins(text, "REVOKE ") && contains(text, " FROM ``") && !contains(text, " TO ");
}

bool is_kill(const std::string& text) {
  constexpr std::string_view kill = "KILL CONNECTION ";
  return begins(text, kill) && text.size() > kill.size() &&
         text.find_first_not_of("0123456789", kill.size()) == text.npos;
}

}  // namespace

bool is_reserved(std::string_view name) {
  return name == "mysql" || name == "root" || name == "sys" || name == "public";
}

Result<void> check_policy(const Call& call) {
  const auto* sql = std::get_if<SqlCall>(&call);
  if (!sql) return denied("a request to MariaDB that is no statement");
  if (has_control_characters(sql->statement)) return denied("a statement with control characters");
  const std::optional<Skeleton> skeleton = read(sql->statement);
  if (!skeleton) return denied("a statement with an open quote");
  const std::string& text = skeleton->text;
  for (const std::string_view part : {";", "--", "#", "/*", "\"", "\\", "@@"}) {
    if (contains(text, part)) return denied("a statement with " + std::string(part));
  }
  if (begins(text, "SELECT ")) {
    if (sql->write || contains(text, " INTO ")) return denied("a SELECT that writes");
    return {};
  }
  const bool own = is_fixed_form(text) || is_account_form(text);
  if (!own && !is_revoke(text) && !is_kill(text)) {
    return denied("a statement of no known form: " + text.substr(0, 40));
  }
  if (!sql->write) return denied("a statement that writes and does not say so");
  for (const std::string& name : skeleton->names) {
    const bool app = is_name(name) && !is_reserved(name);
    if (own && name != "%" && !app) return denied("a statement about `" + name + "`");
  }
  return {};
}

}  // namespace fairlead::mariadb
