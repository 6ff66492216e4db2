#include <algorithm>

#include "providers/mariadb/marks.h"
#include "providers/rabbitmq/accounts.h"
#include "tests/sim/host.h"

// The invariants over shared services, the programs that use them, and the people who have accounts
// there too.
namespace fairlead::sim {
namespace {

constexpr char people[] = "people";
const SimMariaDb::Who namesake{"web", "10.0.0.5"};

}  // namespace

// "mysql://USER:PASSWORD@HOST:PORT/DATABASE", "amqp://…/VHOST". No service: another text.
struct Host::Url {
  std::string service, user, password, host, data;
};

namespace {

template <typename Url>
Url parse_url(const std::string& text) {
  const auto cut = [](std::string& from, const std::string& mark) {
    const std::size_t at = std::min(from.find(mark), from.size());
    const std::string head = from.substr(0, at);
    from.erase(0, std::min(from.size(), at + mark.size()));
    return head;
  };
  std::string rest = text;
  Url url;
  const std::string scheme = cut(rest, "://");
  url.service = scheme == "mysql" ? "mariadb" : "rabbitmq";
  url.user = cut(rest, ":");
  url.password = cut(rest, "@");
  url.host = cut(rest, ":");
  cut(rest, "/");
  url.data = rest;
  return url;
}

std::string label_of(const SimContainer& container, const std::string& key) {
  const auto found = container.labels.find(key);
  return found == container.labels.end() ? "" : found->second;
}

}  // namespace

const std::map<std::string, std::string>& service_manifests() {
  static const std::map<std::string, std::string> files = {
      {"mariadb.yml",
       "name: mariadb\nimage: mariadb:1\nexpose: [{proto: tcp, port: 3306}]\nneeds: [storage]\n"
       "secrets: {MARIADB_ROOT_PASSWORD: {generate: 32}}\n"},
      {"rabbitmq.yml",
       "name: rabbitmq\nimage: rabbitmq:1\nexpose: [{proto: tcp, port: 5672}]\n"
       "needs: [storage]\nsecrets: {RABBITMQ_DEFAULT_PASS: {generate: 32}}\n"
       "health: {http: /, port: 15672}\n"}};
  return files;
}

void Host::learn_passwords() {
  if (passwords_.count("") == 0) {
    passwords_[""] = {keys_.derive("secret/mariadb/MARIADB_ROOT_PASSWORD", 32).reveal(),
                      keys_.derive("secret/rabbitmq/RABBITMQ_DEFAULT_PASS", 32).reveal()};
  }
  for (const auto& [name, app] : loop_->apps()) {
    if (passwords_.count(name) > 0) continue;
    for (const int rotation : {1, 2, 3}) {
      passwords_[name].push_back(mariadb::app_password(keys_, name, rotation).reveal());
      passwords_[name].push_back(rabbitmq::password_of(keys_, {name, rotation}).reveal());
    }
  }
}

bool Host::shows_password(const std::string& text) const {
  return std::any_of(passwords_.begin(), passwords_.end(), [&](const auto& entry) {
    return std::any_of(entry.second.begin(), entry.second.end(), [&](const std::string& password) {
      return text.find(password) != text.npos;
    });
  });
}

void Host::check_services() {
  learn_passwords();
  SimServices& services = world_.services();
  if (!services.mariadb() && !services.rabbitmq()) return;
  if (beginnings_ != services.beginnings()) add_foreign_accounts();
  std::set<std::string> here;
  for (const auto& [id, container] : engine().containers()) {
    if (!container.running || container.restarting) continue;
    if (label_of(container, "fairlead.app").empty() || container.name == "forger") continue;
    for (const Json& pair : container.config["Env"].items()) {
      for (const std::string name : {"DATABASE_URL=", "RABBITMQ_URL="}) {
        if (!pair.as_string().starts_with(name)) continue;
        const Url url = parse_url<Url>(pair.as_string().substr(name.size()));
        here.insert(id + "/" + std::to_string(container.run) + "/" + url.service);
        check_client(container, url);
      }
    }
  }
  for (auto client = clients_.begin(); client != clients_.end();) {
    if (here.count(client->first) > 0) {
      ++client;
      continue;
    }
    if (services.mariadb()) services.mariadb()->disconnect(client->second);
    client = clients_.erase(client);
  }
  check_data();
}

bool Host::reaches(const SimContainer& container, const std::string& alias) {
  for (const auto& [id, other] : engine().containers()) {
    for (const auto& [network, endpoint] : other.endpoints) {
      const auto& aliases = endpoint.aliases;
      const bool named = std::find(aliases.begin(), aliases.end(), alias) != aliases.end();
      if (named && !endpoint.endpoint_id.empty() && container.endpoints.count(network) > 0) {
        return true;
      }
    }
  }
  return false;
}

void Host::check_client(const SimContainer& container, const Url& url) {
  SimMariaDb* database = world_.services().mariadb();
  SimRabbitMq* bus = world_.services().rabbitmq();
  const bool sql = url.service == "mariadb";
  const bool opens = sql ? database && database->lets_in(url.user, url.password)
                         : bus && bus->lets_in(url.user, url.password);
  const bool usable = sql ? opens && database->may_use(url.user, url.data)
                          : opens && bus->may_use(url.user, url.data);
  const std::string app = label_of(container, "fairlead.app");
  const std::string key = container.id + "/" + std::to_string(container.run) + "/" + url.service;
  const bool first = clients_.emplace(key, 0).second;
  if (first && accounts_at_start && !usable) {
    violated("S11: " + container.name + " started without its account on " + url.service);
  }
  const bool there = world_.services().listens(url.service);
  if (first && container.run == 1 && there && !reaches(container, url.host)) {
    violated("S11: " + container.name + " started without " + url.service + " on its network");
  }
  if (!opens && steady_logins.count(app) > 0 && there) {
    violated("S12: " + container.name + " cannot log in to " + url.service);
  }
  if (sql) connect(container, url, key);
}

// A program keeps a session open, and opens another one where it ended.
void Host::connect(const SimContainer& container, const Url& url, const std::string& key) {
  SimMariaDb* database = world_.services().mariadb();
  if (!database || !world_.services().listens("mariadb")) return;
  std::uint64_t& session = clients_[key];
  if (database->sessions().count(session) > 0) return;
  const auto own = container.endpoints.find(label_of(container, "fairlead.app"));
  const std::string address = own == container.endpoints.end() ? "" : own->second.address;
  session = database->connect(url.user, url.password, address);
}

void Host::add_foreign_accounts() {
  beginnings_ = world_.services().beginnings();
  data_.clear();
  SimMariaDb* database = world_.services().mariadb();
  if (database && database->databases().count(people) == 0) {
    database->create_database(people, "theirs");
    database->create_user({people, "%"}, people);
    database->grant({people, "%"}, people, {"SELECT", "GRANT OPTION"});
    database->create_user(namesake, people);
  }
  SimRabbitMq* bus = world_.services().rabbitmq();
  if (bus && bus->vhosts().count(people) == 0) {
    bus->execute("PUT", "/api/vhosts/people", Json::object({{"description", "theirs"}}));
    bus->execute("PUT", "/api/users/people",
                 Json::object({{"password_hash", "foreign"}, {"tags", "monitoring"}}));
    bus->execute("PUT", "/api/permissions/people/people",
                 Json::object({{"configure", "^own"}, {"write", ".*"}, {"read", ".*"}}));
  }
  foreign_ = foreign_accounts();
}

std::string Host::foreign_accounts() {
  std::string all = world_.services().text();
  std::string theirs;
  for (std::size_t from = 0; from < all.size();) {
    const std::size_t end = std::min(all.find('\n', from), all.size() - 1) + 1;
    const std::string line = all.substr(from, end - from);
    if (line.find(people) != line.npos || line.find(namesake.second) != line.npos) theirs += line;
    from = end;
  }
  return theirs;
}

void Host::check_data() {
  const bool written = std::exchange(writes_, world_.writes()) != world_.writes();
  if (written && foreign_accounts() != foreign_) violated("S1: foreign accounts were changed");
  std::set<std::string> now;
  if (SimMariaDb* database = world_.services().mariadb()) {
    for (const auto& [name, held] : database->databases()) now.insert("database " + name);
  }
  if (SimRabbitMq* bus = world_.services().rabbitmq()) {
    for (const auto& [name, held] : bus->vhosts()) now.insert("vhost " + name);
  }
  for (const std::string& name : data_) {
    if (now.count(name) == 0 && may_lose.count(name) == 0) violated("S2: " + name + " is gone");
  }
  data_ = std::move(now);
}

}  // namespace fairlead::sim
