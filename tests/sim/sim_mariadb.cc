#include "tests/sim/sim_mariadb.h"

#include <algorithm>
#include <optional>

#include "providers/mariadb/marks.h"
#include "providers/mariadb/sql.h"
#include "reconciler/json.h"
#include "tests/sim/wire.h"

namespace fairlead::sim {
namespace {

constexpr char syntax_error[] = "You have an error in your SQL syntax";

Answer done() { return {200, "[]", ""}; }
Answer error(int number, const std::string& message) { return {number, message, message}; }

std::string shown(const SimMariaDb::Who& who) { return "'" + who.first + "'@'" + who.second + "'"; }

Answer refused(const std::string& act, const SimMariaDb::Who& who) {
  return error(1396, "Operation " + act + " failed for " + shown(who));
}

std::string hash_of(const std::string& password) {
  return mariadb::password_hash(Secret(password));
}

Json privileges_of(const SimMariaDb::Account& account) {
  Json priv = Json::object({{"access", account.all_privileges ? 549'755'813'887 : 0},
                            {"version_id", 101'106},
                            {"plugin", "mysql_native_password"},
                            {"authentication_string", account.hashes.front()},
                            {"password_last_changed", 1'767'225'600},
                            {"password_lifetime", 0}});
  if (account.connections_max != 0) priv.set("max_user_connections", account.connections_max);
  if (!account.other_limit.empty()) priv.set(account.other_limit, 5);
  if (account.locked) priv.set("account_locked", true);
  if (!account.had_several) return priv;
  Json ways = Json::array({Json::object()});
  for (std::size_t i = 1; i < account.hashes.size(); ++i) {
    ways.push(Json::object(
        {{"plugin", "mysql_native_password"}, {"authentication_string", account.hashes[i]}}));
  }
  return priv.set("auth_or", ways);
}

std::set<std::string> known_privileges() {
  std::set<std::string> known;
  for (const std::string_view name : mariadb::app_privileges) known.emplace(name);
  for (const std::string_view name : mariadb::other_privileges) known.emplace(name);
  return known;
}

std::string flags_of(const std::set<std::string>& held) {
  std::string flags;
  for (const std::string_view name : mariadb::app_privileges) {
    flags += held.count(std::string(name)) > 0 ? 'Y' : 'N';
  }
  for (const std::string_view name : mariadb::other_privileges) {
    flags += held.count(std::string(name)) > 0 ? 'Y' : 'N';
  }
  return flags;
}

std::string unescaped(const std::string& pattern) {
  std::string name;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    name += pattern[i];
  }
  return name;
}

}  // namespace

// Reads a statement from its beginning. What is not as expected makes it bad for good.
class SimMariaDb::Statement {
 public:
  explicit Statement(std::string_view text) : rest_(text) {}

  bool bad() const { return bad_; }
  bool over() const { return !bad_ && rest_.empty(); }
  bool take(std::string_view word) {
    if (bad_ || rest_.substr(0, word.size()) != word) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void need(std::string_view word) { bad_ = bad_ || !take(word); }

  std::string name() {
    need("`");
    std::string name;
    while (!bad_) {
      if (take("``")) {
        name += '`';
      } else if (take("`")) {
        return name;
      } else {
        next(name);
      }
    }
    return name;
  }
  std::string text() {
    const bool hex = take("X'");
    if (!hex) need("'");
    std::string text;
    while (!bad_ && !take("'")) next(text);
    return hex ? from_hex(text) : text;
  }
  int number() {
    std::string digits;
    while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') next(digits);
    bad_ = bad_ || digits.empty() || digits.size() > 9;
    return bad_ ? 0 : std::stoi(digits);
  }
  Who who() {
    Who who;
    who.first = name();
    if (take("@")) who.second = name();
    return who;
  }
  std::vector<std::string> hashes() {
    std::vector<std::string> all;
    need(" IDENTIFIED VIA mysql_native_password USING ");
    do {
      all.push_back(text());
    } while (take(" OR mysql_native_password USING "));
    return all;
  }
  int settings() {
    need(
        " REQUIRE NONE WITH MAX_QUERIES_PER_HOUR 0 MAX_UPDATES_PER_HOUR 0"
        " MAX_CONNECTIONS_PER_HOUR 0 MAX_USER_CONNECTIONS ");
    const int connections = number();
    need(" MAX_STATEMENT_TIME 0 ACCOUNT UNLOCK PASSWORD EXPIRE NEVER");
    return connections;
  }
  // "SELECT, LOCK TABLES", until " ON ".
  std::set<std::string> privileges() {
    static const std::set<std::string> known = known_privileges();
    std::set<std::string> all;
    while (!bad_) {
      const std::size_t end = std::min({rest_.find(", "), rest_.find(" ON "), rest_.size()});
      const std::string word(rest_.substr(0, end));
      bad_ = known.count(word) == 0;
      all.insert(word);
      rest_.remove_prefix(end);
      if (!take(", ")) break;
    }
    return all;
  }

 private:
  void next(std::string& into) {
    bad_ = bad_ || rest_.empty();
    if (bad_) return;
    into += rest_[0];
    rest_.remove_prefix(1);
  }
  static std::string from_hex(const std::string& digits) {
    std::string text;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
      text += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    }
    return text;
  }

  std::string_view rest_;
  bool bad_ = false;
};

SimMariaDb::SimMariaDb(const std::string& root_password) {
  Account root;
  root.hashes = {hash_of(root_password)};
  root.all_privileges = true;
  accounts_[{"root", "%"}] = root;
  accounts_[{"root", "localhost"}] = root;
  for (const char* own : {"mysql", "information_schema"}) databases_[own] = {"utf8mb4", ""};
}

bool SimMariaDb::lets_in(const std::string& user, const std::string& password) const {
  const auto found = accounts_.find({user, "%"});
  if (found == accounts_.end() || found->second.locked) return false;
  const std::vector<std::string>& hashes = found->second.hashes;
  return std::find(hashes.begin(), hashes.end(), hash_of(password)) != hashes.end();
}

Answer SimMariaDb::ask(const Login& login, const std::string& statement, const std::string& from) {
  if (full_) return error(1040, "Too many connections");
  const auto found = accounts_.find({login.user, "%"});
  if (!lets_in(login.user, login.password.reveal())) {
    if (found != accounts_.end() && found->second.locked) {
      return error(4151, "Access denied, this account is locked");
    }
    return error(
        1045, "Access denied for user '" + login.user + "'@'" + from + "' (using password: YES)");
  }
  if (!found->second.all_privileges) {
    return error(1142, "command denied to user '" + login.user + "'@'" + from + "'");
  }
  return execute(statement);
}

Answer SimMariaDb::execute(const std::string& statement) {
  Statement said(statement);
  if (said.take("SELECT ")) return select(statement);
  if (said.take("CREATE ")) return create(said);
  if (said.take("ALTER USER ")) return alter(said);
  if (said.take("DROP ")) return drop(said);
  if (said.take("GRANT ")) return give(said);
  if (said.take("REVOKE ")) return revoke(said);
  if (said.take("KILL CONNECTION ")) return kill(said);
  return error(1064, syntax_error);
}

Answer SimMariaDb::select(const std::string& statement) {
  if (statement == mariadb::select_version()) {
    const Json row = Json::array({"10.11.6-MariaDB-0+deb12u1", "root@%"});
    return {200, Json::array({row}).dump(), ""};
  }
  if (statement == mariadb::select_seen("")) return seen("");
  const std::string where = "WHERE SCHEMA_NAME = '";
  const std::size_t at = statement.find(where);
  if (at == statement.npos) return error(1064, syntax_error);
  const std::size_t from = at + where.size();
  const std::string app = statement.substr(from, statement.find('\'', from) - from);
  if (statement != mariadb::select_seen(app)) return error(1064, syntax_error);
  return seen(app);
}

Answer SimMariaDb::seen(const std::string& app) const {
  Json rows = Json::array();
  const auto row = [&](const char* kind, const std::string& a, const std::string& b,
                       const std::string& c, const std::string& d, const std::string& e) {
    rows.push(Json::array({kind, a, b, c, d, e}));
  };
  const auto asked = [&](const std::string& name) { return app.empty() || name == app; };
  for (const auto& [name, database] : databases_) {
    if (asked(name)) row("database", "", "", name, database.charset, database.comment);
  }
  std::set<std::string> listed;  // whose sessions are shown
  for (const auto& [who, account] : accounts_) {
    if (!asked(who.first)) continue;
    row("account", who.first, who.second, "", "", privileges_of(account).dump());
    if (account.locked || account.hashes.size() > 1) listed.insert(who.first);
  }
  for (const auto& [key, held] : grants_) {
    const auto& [who, pattern] = key;
    if (asked(who.first) || pattern == app) {
      row("grant", who.first, who.second, pattern, "", flags_of(held));
    }
  }
  for (const auto& [who, role] : roles_) {
    if (asked(who.first)) row("role", who.first, who.second, role, "", "");
  }
  for (const auto& [id, session] : sessions_) {
    if (app.empty() ? listed.count(session.user) == 0 : session.user != app) continue;
    row("session", session.user, session.address + ":40000", std::to_string(id), "", "");
  }
  row("server", "", "", "", "", "500");
  return {200, rows.dump(), ""};
}

bool SimMariaDb::outlived(const Who& who) const {
  return std::any_of(grants_.begin(), grants_.end(),
                     [&](const auto& grant) { return grant.first.first == who; });
}

Answer SimMariaDb::create(Statement& said) {
  if (said.take("DATABASE ")) {
    const std::string name = said.name();
    said.need(" CHARACTER SET utf8mb4 COMMENT ");
    const std::string comment = said.text();
    if (!said.over()) return error(1064, syntax_error);
    if (databases_.count(name) > 0) {
      return error(1007, "Can't create database '" + name + "'; database exists");
    }
    databases_[name] = {"utf8mb4", comment};
    return done();
  }
  said.need("USER ");
  const Who who = said.who();
  Account made;
  made.hashes = said.hashes();
  made.connections_max = said.settings();
  if (!said.over() || made.hashes.size() != 1) return error(1064, syntax_error);
  if (accounts_.count(who) > 0 || outlived(who)) return refused("CREATE USER", who);
  accounts_[who] = made;
  return done();
}

Answer SimMariaDb::alter(Statement& said) {
  const Who who = said.who();
  const auto found = accounts_.find(who);
  if (said.take(" ACCOUNT LOCK")) {
    if (!said.over()) return error(1064, syntax_error);
    if (found == accounts_.end()) return refused("ALTER USER", who);
    found->second.locked = true;
    return done();
  }
  const std::vector<std::string> hashes = said.hashes();
  const int connections_max = said.settings();
  if (!said.over()) return error(1064, syntax_error);
  if (found == accounts_.end()) return refused("ALTER USER", who);
  Account& account = found->second;
  account.had_several = account.had_several || hashes.size() > 1;
  account.hashes = hashes;
  account.connections_max = connections_max;
  account.other_limit.clear();
  account.locked = false;
  return done();
}

Answer SimMariaDb::drop(Statement& said) {
  if (said.take("DATABASE ")) {
    const std::string name = said.name();
    if (!said.over()) return error(1064, syntax_error);
    if (databases_.erase(name) > 0) return done();
    return error(1008, "Can't drop database '" + name + "'; database doesn't exist");
  }
  said.need("USER ");
  const Who who = said.who();
  if (!said.over()) return error(1064, syntax_error);
  const bool rows = outlived(who);
  std::erase_if(grants_, [&](const auto& grant) { return grant.first.first == who; });
  std::erase_if(roles_, [&](const auto& role) { return role.first == who; });
  const bool there = accounts_.erase(who) > 0;
  return there || rows ? done() : refused("DROP USER", who);
}

Answer SimMariaDb::give(Statement& said) {
  const std::set<std::string> privileges = said.privileges();
  said.need(" ON ");
  const std::string pattern = said.name();
  said.need(".* TO ");
  const Who who = said.who();
  if (!said.over()) return error(1064, syntax_error);
  if (accounts_.count(who) == 0) {
    return error(1133, "Can't find any matching row in the user table");
  }
  grants_[{who, pattern}].insert(privileges.begin(), privileges.end());
  return done();
}

Answer SimMariaDb::revoke(Statement& said) {
  if (said.take("ALL PRIVILEGES")) return revoke_on(said, {}, true);
  Statement role = said;
  const std::string name = role.name();
  if (!role.bad()) {
    role.need(" FROM ");
    const Who who = role.who();
    if (!role.over()) return error(1064, syntax_error);
    if (roles_.erase({who, name}) > 0) return done();
    const bool known = std::any_of(roles_.begin(), roles_.end(),
                                   [&](const auto& held) { return held.second == name; });
    if (!known) return error(1959, "Invalid role specification `" + name + "`");
    return error(1962, "Cannot revoke role '" + name + "' from: " + shown(who));
  }
  const std::set<std::string> privileges = said.privileges();
  return revoke_on(said, privileges, false);
}

Answer SimMariaDb::revoke_on(Statement& said, const std::set<std::string>& privileges, bool all) {
  said.need(" ON ");
  const bool global = said.take("*.*");
  const std::string pattern = global ? "" : said.name();
  if (!global) said.need(".*");
  said.need(" FROM ");
  const Who who = said.who();
  if (!said.over()) return error(1064, syntax_error);
  const auto account = accounts_.find(who);
  const auto held = grants_.find({who, pattern});
  if (global ? account == accounts_.end() : held == grants_.end()) {
    return error(1141, "There is no such grant defined for user '" + who.first + "' on host '" +
                           who.second + "'");
  }
  if (global) {
    account->second.all_privileges = false;
    return done();
  }
  std::erase_if(held->second, [&](const std::string& one) {
    return all ? one != "GRANT OPTION" : privileges.count(one) > 0;
  });
  if (held->second.empty()) grants_.erase(held);
  return done();
}

Answer SimMariaDb::kill(Statement& said) {
  const int id = said.number();
  if (!said.over()) return error(1064, syntax_error);
  if (sessions_.erase(static_cast<std::uint64_t>(id)) > 0) return done();
  return error(1094, "Unknown thread id: " + std::to_string(id));
}

std::uint64_t SimMariaDb::connect(const std::string& user, const std::string& password,
                                  const std::string& address) {
  if (full_ || !lets_in(user, password)) return 0;
  sessions_[++last_session_] = {user, address};
  return last_session_;
}

void SimMariaDb::create_database(const std::string& name, const std::string& comment) {
  databases_[name] = {"utf8mb4", comment};
}

void SimMariaDb::set_password(const std::string& user, const std::string& password) {
  if (Account* held = account(user)) held->hashes = {hash_of(password)};
}

void SimMariaDb::create_user(const Who& who, const std::string& password) {
  accounts_[who].hashes = {hash_of(password)};
}

void SimMariaDb::grant(const Who& who, const std::string& pattern,
                       const std::set<std::string>& privileges) {
  grants_[{who, pattern}].insert(privileges.begin(), privileges.end());
}

bool SimMariaDb::may_use(const std::string& user, const std::string& database) const {
  if (databases_.count(database) == 0) return false;
  return std::any_of(grants_.begin(), grants_.end(), [&](const auto& grant) {
    const auto& [who, pattern] = grant.first;
    return who.first == user && unescaped(pattern) == database &&
           std::all_of(
               std::begin(mariadb::app_privileges), std::end(mariadb::app_privileges),
               [&](std::string_view one) { return grant.second.count(std::string(one)) > 0; });
  });
}

std::string SimMariaDb::text() const {
  std::string text;
  for (const auto& [name, database] : databases_) {
    text += "database " + name + " " + database.charset + " " + database.comment + "\n";
  }
  for (const auto& [who, account] : accounts_) {
    std::vector<std::string> hashes = account.hashes;
    std::sort(hashes.begin(), hashes.end());
    text += "account " + shown(who) + " " + join(hashes, ",") +
            " connections=" + std::to_string(account.connections_max) +
            (account.locked ? " locked" : "") + (account.all_privileges ? " all" : "") + " " +
            account.other_limit + "\n";
  }
  for (const auto& [key, held] : grants_) {
    text += "grant " + shown(key.first) + " on " + key.second + " " + flags_of(held) + "\n";
  }
  for (const auto& [who, role] : roles_) text += "role " + role + " of " + shown(who) + "\n";
  return text;
}

}  // namespace fairlead::sim
