#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "providers/rabbitmq/accounts.h"
#include "providers/rabbitmq/rabbitmq.h"
#include "providers/rabbitmq/requests.h"
#include "providers/rabbitmq/resolve.h"
#include "reconciler/json.h"

// One app before the RabbitMQ provider, read from a few terse lines. What is seen becomes the
// server's own answers first and goes through the provider's observer, so that a golden case
// covers reading as well as deciding. A line of `seen` is one of:
//   vhost blog [unmarked] [tags=a,b] [limit=5] [queues=5] [size=5] [bare] [description=…]
//     bare: as it was made, without limits and policies; else what is not said is as by default
//   user blog.2 [foreign] [unmarked] [password=changed] [tags=a,b] [limit=3]
//   permission blog.2 on blog [configure=…] [write=…] [read=…]
//   unsettled | running | drop-data                     external [tls]
// Nothing is shared between scenes.
namespace fairlead::testing {

inline const Keys& bus_keys() {
  static const Keys keys("0123456789abcdef", Secret(std::string(32, 'k')));
  return keys;
}

inline Answer ok(const Json& body) { return {200, body.dump(), ""}; }

class BusScene {
 public:
  std::unique_ptr<Provider> provider = rabbitmq::make_provider(bus_keys());
  Platform platform;
  Session session;
  Standing standing;
  bool drop_data = false;
  Json users = Json::array(), vhosts = Json::array();
  Json permissions = Json::array(), limits = Json::array();
  Json policies = Json::array(), operator_policies = Json::array();
  std::shared_ptr<Graph> wanted;  // null: the manifest is gone

  BusScene(const std::string& manifest, const std::string& seen) {
    std::istringstream lines(seen);
    for (std::string line; std::getline(lines, line);) read(line);
    session = connect();
    if (manifest.empty()) return;
    const ParsedManifest parsed = parse_manifest("blog.yml", manifest);
    if (!parsed.errors.empty()) throw std::runtime_error(parsed.errors.front().text());
    wanted = std::make_shared<Graph>();
    wanted->app = std::make_shared<App>(*parsed.apps.at(0).app);
    const ResolveInput input{wanted->app.get(), &platform, nullptr};
    REQUIRE(provider->resolve(input, *wanted).ok());
  }

  Place place() const {
    Place at;
    at.host = platform.messagebus.external ? platform.messagebus.host : "10.213.0.2";
    return at;
  }

  Session connect() const {
    const Json whoami =
        Json::object({{"name", "fairlead"}, {"tags", Json::array({Json("administrator")})}});
    const Json overview = Json::object({{"rabbitmq_version", "3.10.8"}});
    return provider->negotiate(place(), platform, {ok(whoami), ok(overview)}).value();
  }

  std::map<std::string, SectionPtr> listed() const {
    const auto observer = provider->observe(session, Scope());
    REQUIRE(observer->next().size() == 6);
    std::size_t index = 0;
    for (const Json* list :
         {&users, &vhosts, &permissions, &limits, &policies, &operator_policies}) {
      REQUIRE(observer->take(index++, ok(*list)).ok());
    }
    REQUIRE(observer->next().empty());
    return observer->finish().apps;
  }

  std::pair<Plan, Report> diff(const std::string& app = "blog") const {
    const auto apps = listed();
    const auto seen = apps.find(app);
    View view;
    view.app = app;
    view.wanted = wanted.get();
    view.seen = seen == apps.end() ? nullptr : seen->second.get();
    view.session = &session;
    view.platform = &platform;
    view.standing = standing;
    view.drop_data = drop_data;
    std::pair<Plan, Report> made;
    provider->diff(view, made.first, made.second);
    return made;
  }

 private:
  using Words =
      std::map<std::string, std::string>;  // "limit=5" → limit: 5; "foreign" → foreign: ""

  void read(const std::string& line) {
    std::istringstream in(line);
    std::string kind, name;
    in >> kind >> name;
    std::string on;
    if (kind == "permission") in >> on >> on;
    Words words;
    for (std::string word; in >> word;) {
      const std::size_t equals = word.find('=');
      words[word.substr(0, equals)] = equals == word.npos ? "" : word.substr(equals + 1);
    }
    if (kind == "vhost") return vhost(name, words);
    if (kind == "user") return user(name, words);
    if (kind == "permission") return permission(name, on, words);
    setting(kind, name);
  }

  void setting(const std::string& kind, const std::string& word) {
    if (kind == "unsettled") {
      standing.settled = false;
    } else if (kind == "running") {
      standing.running = true;
    } else if (kind == "drop-data") {
      drop_data = true;
    } else if (kind == "external") {
      platform.messagebus = {true, "mq.example.org", 5671, 15671, "admin", "/etc/mq", false, ""};
      platform.messagebus.tls = word == "tls";
    } else if (!kind.empty()) {
      throw std::runtime_error("no such line: " + kind);
    }
  }

  static Json tags(const char* kind, const std::string& name, const Words& words) {
    Json list = Json::array();
    const bool marked = words.count("unmarked") + words.count("foreign") == 0;
    if (marked) list.push(rabbitmq::owner_tag(bus_keys(), kind, name));
    const auto given = words.find("tags");
    std::istringstream in(given == words.end() ? "" : given->second);
    for (std::string tag; std::getline(in, tag, ',');) list.push(tag);
    return list;
  }

  void vhost(const std::string& name, const Words& words) {
    const auto text = words.find("description");
    vhosts.push(Json::object({{"name", name},
                              {"description", text == words.end() ? "" : text->second},
                              {"tags", tags("vhost", name, words)}}));
    if (words.count("bare") > 0) return;
    const rabbitmq::AccountSpec usual;
    const auto number = [&](const char* word, std::int64_t otherwise) -> std::int64_t {
      const auto said = words.find(word);
      return said == words.end() ? otherwise : std::stoll(said->second);
    };
    const Json held = Json::object({{"max-connections", number("limit", usual.connections_max)},
                                    {"max-queues", number("queues", usual.queues_max)}});
    limits.push(Json::object({{"vhost", name}, {"value", held}}));
    policies.push(named(rabbitmq::overflow_policy(), name));
    operator_policies.push(named(rabbitmq::size_policy(number("size", usual.queue_size)), name));
  }

  static Json named(Json policy, const std::string& vhost) {
    return policy.set("vhost", vhost).set("name", rabbitmq::policy_name);
  }

  static Json max_connections(const Words& words) {
    const auto limit = words.find("limit");
    if (limit == words.end()) return Json::object();
    return Json::object({{"max-connections", std::stoi(limit->second)}});
  }

  void user(const std::string& name, const Words& words) {
    const bool known = words.count("password") + words.count("foreign") == 0;
    const auto account = rabbitmq::parse_account(name);
    users.push(Json::object(
        {{"name", name},
         {"password_hash",
          known && account ? rabbitmq::password_hash_of(bus_keys(), *account) : "AAAA"},
         {"hashing_algorithm", rabbitmq::hashing_algorithm},
         {"tags", tags("user", name, words)},
         {"limits", max_connections(words)}}));
  }

  void permission(const std::string& user, const std::string& vhost, const Words& words) {
    Json entry = Json::object({{"user", user}, {"vhost", vhost}});
    for (const char* field : {"configure", "write", "read"}) {
      const auto given = words.find(field);
      entry.set(field, given == words.end() ? ".*" : given->second);
    }
    permissions.push(std::move(entry));
  }
};

}  // namespace fairlead::testing
