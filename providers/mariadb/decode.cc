#include "providers/mariadb/decode.h"

#include <algorithm>
#include <utility>

#include "providers/mariadb/marks.h"
#include "reconciler/grammar.h"

namespace fairlead::mariadb {
namespace {

constexpr std::string_view native_plugin = "mysql_native_password";
constexpr double grant_bit = 1024;  // of "access"

// What is bit 10 of a number that may be too large for an integer.
bool has_grant_bit(const Json& access) {
  if (!access.is_int()) return access.as_double() > 0;
  return (access.as_int() & static_cast<std::int64_t>(grant_bit)) != 0;
}

void read_way_in(const Json& way, SeenAccount& account) {
  const std::string& plugin = way["plugin"].as_string();
  // What was made without a word has no plugin, and opens without a password.
  if (plugin.empty() || plugin == native_plugin) {
    account.hashes.push_back(way["authentication_string"].as_string());
  } else {
    account.plugins.push_back(plugin);
  }
}

// The JSON of mysql.global_priv. What is missing is the server's default.
SeenAccount read_account(const Json& priv) {
  SeenAccount account;
  const Json& ways = priv["auth_or"];
  for (const Json& way : ways.items()) read_way_in(way.empty() ? priv : way, account);
  if (ways.empty()) read_way_in(priv, account);
  account.locked = priv["account_locked"].as_bool();
  account.connections_max = static_cast<int>(priv["max_user_connections"].as_int());
  for (const char* limit :
       {"max_questions", "max_updates", "max_connections", "max_statement_time"}) {
    if (priv[limit].as_double() != 0) account.other_limits = true;
  }
  account.demands_tls = priv["ssl_type"].as_int() != 0;
  account.expires =
      priv["password_lifetime"].as_int(-1) != 0 || priv["password_last_changed"].as_int(1) == 0;
  account.global = priv["access"].as_double() != 0;
  account.global_grant = has_grant_bit(priv["access"]);
  return account;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

// "Select,Grant" of a table or routine.
void read_words(std::string_view text, SeenPrivileges& read) {
  for (std::string& word : split(text)) {
    if (word == "Grant") {
      read.grant_option = true;
      continue;
    }
    std::transform(word.begin(), word.end(), word.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    if (std::find(read.held.begin(), read.held.end(), word) == read.held.end())
      read.held.push_back(std::move(word));
  }
}

// "YYN…" of a database.
void read_flags(std::string_view flags, SeenPrivileges& read) {
  for (std::size_t i = 0; i < flags.size(); ++i) {
    if (flags[i] != 'Y') continue;
    if (i < app_privileges_count) {
      read.held.emplace_back(app_privileges[i]);
    } else if (i == app_privileges_count) {
      read.held.emplace_back(other_privileges[0]);
    } else {
      read.grant_option = true;
    }
  }
}

Target::Kind routine_kind(std::string_view type) {
  if (type == "FUNCTION") return Target::Kind::function;
  if (type == "PACKAGE") return Target::Kind::package;
  if (type == "PACKAGE BODY") return Target::Kind::package_body;
  return Target::Kind::procedure;
}

// Whether an account's host stands for an address: with % and _ as in LIKE. Of a netmask it is not
// known.
bool matches(std::string_view host, std::string_view address) {
  if (host.find('/') != host.npos) return true;
  std::size_t at = 0;
  std::size_t from = 0;              // of the address, where the last % may go on
  std::size_t wildcard = host.npos;  // the last %
  for (std::size_t i = 0; i < address.size();) {
    if (at < host.size() && host[at] == '%') {
      wildcard = at++;
      from = i;
    } else if (at < host.size() && (host[at] == '_' || host[at] == address[i])) {
      ++at;
      ++i;
    } else if (wildcard != host.npos) {
      at = wildcard + 1;
      i = ++from;
    } else {
      return false;
    }
  }
  return host.find_first_not_of('%', at) == host.npos;
}

class Decoder {
 public:
  Decoder(const Keys& keys, int wanted_rotation) : keys_(keys), rotation_(wanted_rotation) {}

  void row(const Json& row) {
    const auto& columns = row.items();
    if (columns.size() != 6) return;
    const std::string& kind = columns[0].as_string();
    user_ = columns[1].as_string();
    host_ = columns[2].as_string();
    const std::string& name = columns[3].as_string();
    const std::string& detail = columns[4].as_string();
    const std::string& value = columns[5].as_string();
    if (kind == "database") return database(name, detail, value);
    if (kind == "grant") return grant(name, value);
    if (kind == "server") return server(value);
    if (!is_name(user_)) return;
    if (kind == "account") return account(value);
    if (kind == "session") return session(name);
    // What other accounts of the name hold is theirs.
    if (host_ != "%") return;
    if (kind == "role") return of(user_).roles.push_back(name);
    SeenPrivileges read;
    read.target = {Target::Kind::table, name, detail};
    const std::size_t comma = kind == "routine" ? value.find(',') : value.npos;
    if (kind == "routine") read.target.kind = routine_kind(value.substr(0, comma));
    read_words(
        comma == value.npos ? std::string_view(value) : std::string_view(value).substr(comma + 1),
        read);
    of(user_).privileges.push_back(std::move(read));
  }

  Seen finish() {
    int most = 0;
    for (auto& [app, seen] : apps_) {
      finish(app, *seen);
      if (!seen->account || !seen->account->ours || seen->account->locked) continue;
      const int own = seen->account->connections_max;
      server_.promised += own;
      if (own >= most) server_.largest = app;
      most = std::max(most, own);
    }
    return {std::move(apps_), std::move(server_)};
  }

 private:
  SeenApp& of(const std::string& app) {
    auto& seen = apps_[app];
    if (!seen) {
      seen = std::make_shared<SeenApp>();
      seen->app = app;
    }
    return *seen;
  }

  void database(const std::string& name, const std::string& charset, const std::string& comment) {
    if (!is_name(name)) return;
    // Most that are not ours say so at once, and cost no digest.
    const bool says_so = comment.rfind("fairlead ", 0) == 0;
    const std::string owner = says_so ? owner_in(comment) : "";
    const bool ours = says_so && comment == database_comment(keys_, name, owner);
    of(name).database = SeenDatabase{charset, ours, ours ? owner : ""};
  }

  void account(const std::string& priv) {
    const Result<Json> body = Json::parse(priv);
    const Json nothing;
    const Json& read = body ? *body : nothing;
    if (read["is_role"].as_bool()) return;
    if (host_ == "%") {
      of(user_).account = read_account(read);
    } else {
      of(user_).other_hosts.push_back(host_);
    }
  }

  void server(const std::string& connections) {
    const bool number = !connections.empty() && connections.size() <= 6 &&
                        connections.find_first_not_of("0123456789") == connections.npos;
    if (number) server_.connections_max = std::stoi(connections);
  }

  void grant(const std::string& database, const std::string& flags) {
    SeenPrivileges read;
    read.target = {Target::Kind::database, database, ""};
    read_flags(flags, read);
    const bool own = host_ == "%" && is_name(user_);
    if (is_name(database) && !(own && user_ == database)) {
      of(database).guests.push_back({{user_, host_}, read.grant_option});
    }
    if (own) of(user_).privileges.push_back(std::move(read));
  }

  void session(const std::string& id) {
    if (id.empty() || id.find_first_not_of("0123456789") != id.npos) return;
    const std::size_t colon = host_.rfind(':');
    of(user_).sessions.push_back({id, host_.substr(0, colon)});
  }

  void finish(const std::string& app, SeenApp& seen) const {
    if (seen.account) {
      const Passwords passwords(keys_, app, rotation_);
      const auto& hashes = seen.account->hashes;
      seen.account->ours = (seen.database && seen.database->ours) ||
                           std::any_of(hashes.begin(), hashes.end(), [&](const std::string& hash) {
                             return passwords.ours(hash);
                           });
    }
    std::sort(seen.privileges.begin(), seen.privileges.end(),
              [](const auto& a, const auto& b) { return a.target.text() < b.target.text(); });
    std::sort(seen.other_hosts.begin(), seen.other_hosts.end());
    std::sort(seen.roles.begin(), seen.roles.end());
    auto& sessions = seen.sessions;
    const auto foreign = [&](const SeenSession& session) {
      return !seen.account ||
             std::any_of(seen.other_hosts.begin(), seen.other_hosts.end(),
                         [&](const std::string& host) { return matches(host, session.address); });
    };
    sessions.erase(std::remove_if(sessions.begin(), sessions.end(), foreign), sessions.end());
  }

  const Keys& keys_;
  int rotation_;
  std::string user_;  // of the row
  std::string host_;
  SeenApps apps_;
  SeenServer server_;
};

}  // namespace

Result<Seen> decode_seen(const Keys& keys, std::string_view body, int wanted_rotation) {
  Decoder decoder(keys, wanted_rotation);
  const Result<void> parsed = Json::parse_items(body, [&](const Json& row) { decoder.row(row); });
  if (!parsed) return Error{Code::unavailable, parsed.error().message, ""};
  return decoder.finish();
}

}  // namespace fairlead::mariadb
