#include "tests/sim/sim_rabbitmq.h"

#include <openssl/evp.h>

#include <algorithm>

#include "providers/rabbitmq/accounts.h"

namespace fairlead::sim {
namespace {

constexpr char algorithm[] = "rabbit_password_hashing_sha256";

Answer refuse(int status, const std::string& error, const std::string& reason) {
  return answer_json(status, Json::object({{"error", error}, {"reason", reason}}));
}
Answer not_found() { return refuse(404, "Object Not Found", "Not Found"); }

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find(',', from), text.size());
    if (end > from) words.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return words;
}

Json limits_of(const std::map<std::string, int>& limits) {
  Json json = Json::object();
  for (const auto& [name, value] : limits) json.set(name, value);
  return json;
}

bool is_policies(const std::string& kind) {
  return kind == "policies" || kind == "operator-policies";
}

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The first bytes of what was hashed, out of its base64.
std::string salt_of(const std::string& hash) {
  if (hash.size() < 8) return "";
  unsigned char raw[6];
  const auto* text = reinterpret_cast<const unsigned char*>(hash.data());
  if (EVP_DecodeBlock(raw, text, 8) < 0) return "";
  return std::string(reinterpret_cast<const char*>(raw), 4);
}

}  // namespace

SimRabbitMq::SimRabbitMq(const std::string& admin, const std::string& password) {
  vhosts_["/"] = {"Default virtual host", {}, {}, {}};
  users_[admin] = {"", algorithm, {"administrator"}, {}};
  set_password(admin, password);
  permissions_[{"/", admin}] = {".*", ".*", ".*"};
}

void SimRabbitMq::set_password(const std::string& user, const std::string& password) {
  users_.at(user).password_hash = rabbitmq::hash_password("salt", Secret(password));
  users_.at(user).algorithm = algorithm;
}

bool SimRabbitMq::lets_in(const std::string& user, const std::string& password) const {
  const auto found = users_.find(user);
  if (found == users_.end() || found->second.password_hash.empty()) return false;
  const std::string& hash = found->second.password_hash;
  return hash == rabbitmq::hash_password(salt_of(hash), Secret(password));
}

bool SimRabbitMq::may_use(const std::string& user, const std::string& vhost) const {
  const auto found = permissions_.find({vhost, user});
  if (vhosts_.count(vhost) == 0 || found == permissions_.end()) return false;
  const Permission& held = found->second;
  return held.configure == ".*" && held.write == ".*" && held.read == ".*";
}

Answer SimRabbitMq::ask(const HttpCall& call) {
  if (!call.login || !lets_in(call.login->user, call.login->password.reveal())) {
    return refuse(401, "not_authorised", "Login failed");
  }
  const std::vector<std::string>& tags = users_.at(call.login->user).tags;
  if (!has(tags, "administrator")) return refuse(401, "not_authorised", "Not management user");
  if (parse_target(call.path).part(1) == "whoami") {
    return answer_json(200, Json::object({{"name", call.login->user}, {"tags", Json(tags)}}));
  }
  return execute(call);
}

Answer SimRabbitMq::execute(const HttpCall& call) {
  const Target target = parse_target(call.path);
  if (target.part(0) != "api") return not_found();
  if (call.method == "GET") return read(target);
  if (call.method == "PUT") return write(target, call.body);
  if (call.method == "DELETE") return remove(target);
  return refuse(405, "method_not_allowed", "Method Not Allowed");
}

Answer SimRabbitMq::execute(const std::string& method, const std::string& path, const Json& body) {
  HttpCall call;
  call.method = method;
  call.path = path;
  if (!body.is_null()) call.body = body.dump();
  return execute(call);
}

Json SimRabbitMq::vhost_json(const std::string& name) const {
  const Vhost& vhost = vhosts_.at(name);
  return Json::object(
      {{"name", name}, {"description", vhost.description}, {"tags", Json(vhost.tags)}});
}

Json SimRabbitMq::user_json(const std::string& name) const {
  const User& user = users_.at(name);
  return Json::object({{"name", name},
                       {"password_hash", user.password_hash},
                       {"hashing_algorithm", user.algorithm},
                       {"tags", Json(user.tags)},
                       {"limits", sim::limits_of(user.limits)}});
}

Json SimRabbitMq::permissions_json(const std::string& user) const {
  Json list = Json::array();
  for (const auto& [holder, held] : permissions_) {
    if (!user.empty() && holder.second != user) continue;
    list.push(Json::object({{"user", holder.second},
                            {"vhost", holder.first},
                            {"configure", held.configure},
                            {"write", held.write},
                            {"read", held.read}}));
  }
  return list;
}

Json SimRabbitMq::limits_json(const std::string& vhost) const {
  Json list = Json::array();
  for (const auto& [name, held] : vhosts_) {
    if (held.limits.empty() || (!vhost.empty() && name != vhost)) continue;
    list.push(Json::object({{"vhost", name}, {"value", sim::limits_of(held.limits)}}));
  }
  return list;
}

Answer SimRabbitMq::read(const Target& target) const {
  const std::string& kind = target.part(1);
  const std::string& name = target.part(2);
  const bool all = target.parts.size() == 2;
  Json list = Json::array();
  if (kind == "overview" && all) {
    return answer_json(200, Json::object({{"rabbitmq_version", "3.10.8"}}));
  }
  if (kind == "users" && all) {
    for (const auto& [user, held] : users_) list.push(user_json(user));
    return answer_json(200, list);
  }
  if (kind == "users") {
    if (users_.count(name) == 0) return not_found();
    return answer_json(200,
                       target.part(3) == "permissions" ? permissions_json(name) : user_json(name));
  }
  if (kind == "vhosts" && all) {
    for (const auto& [vhost, held] : vhosts_) list.push(vhost_json(vhost));
    return answer_json(200, list);
  }
  if (kind == "vhosts") {
    return vhosts_.count(name) > 0 ? answer_json(200, vhost_json(name)) : not_found();
  }
  if (kind == "permissions" && all) return answer_json(200, permissions_json(""));
  if (is_policies(kind)) return read_policies(target);
  if (kind != "vhost-limits") return not_found();
  if (!all && vhosts_.count(name) == 0) return not_found();
  return answer_json(200, limits_json(name));
}

Answer SimRabbitMq::write(const Target& target, const std::string& text) {
  const Result<Json> body = Json::parse(text);
  if (!body) return refuse(400, "bad_request", "not_json");
  const std::string& kind = target.part(1);
  if (kind == "vhosts") return put_vhost(target.part(2), *body);
  if (kind == "users") return put_user(target.part(2), *body);
  if (kind == "permissions") return put_permission({target.part(2), target.part(3)}, *body);
  if (kind == "vhost-limits" || kind == "user-limits") return put_limit(target, *body);
  if (is_policies(kind)) return put_policy(target, *body);
  return not_found();
}

Answer SimRabbitMq::put_vhost(const std::string& name, const Json& body) {
  const bool made = vhosts_.count(name) == 0;
  Vhost& vhost = vhosts_[name];
  vhost.description = body["description"].as_string();
  vhost.tags = words_of(body["tags"].as_string());
  return answer_empty(made ? 201 : 204);
}

Answer SimRabbitMq::put_user(const std::string& name, const Json& body) {
  if (!body.has("tags")) return refuse(400, "bad_request", "[{key_missing,<<\"tags\">>}]");
  const bool made = users_.count(name) == 0;
  User& user = users_[name];
  user.tags = words_of(body["tags"].as_string());
  user.algorithm = algorithm;
  user.password_hash = body["password_hash"].as_string();
  if (body.has("password")) set_password(name, body["password"].as_string());
  return answer_empty(made ? 201 : 204);
}

Answer SimRabbitMq::put_permission(const Holder& holder, const Json& body) {
  if (vhosts_.count(holder.first) == 0 || users_.count(holder.second) == 0) {
    return refuse(400, "bad_request", "vhost_or_user_not_found");
  }
  const bool made = permissions_.count(holder) == 0;
  permissions_[holder] = {body["configure"].as_string(), body["write"].as_string(),
                          body["read"].as_string()};
  return answer_empty(made ? 201 : 204);
}

std::map<std::string, int>* SimRabbitMq::limits_of(const Target& target) {
  const std::string& name = target.part(2);
  if (target.part(1) == "vhost-limits") {
    const auto found = vhosts_.find(name);
    return found == vhosts_.end() ? nullptr : &found->second.limits;
  }
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : &found->second.limits;
}

Answer SimRabbitMq::put_limit(const Target& target, const Json& body) {
  std::map<std::string, int>* limits = limits_of(target);
  if (!limits && target.part(1) == "user-limits") {
    return refuse(400, "bad_request", "no_such_user");
  }
  if (!limits) return not_found();
  (*limits)[target.part(3)] = static_cast<int>(body["value"].as_int());
  return answer_empty(204);
}

Answer SimRabbitMq::put_policy(const Target& target, const Json& body) {
  const auto found = vhosts_.find(target.part(2));
  if (found == vhosts_.end()) return refuse(404, "not_found", "vhost_not_found");
  const std::string& kind = target.part(1);
  const bool known = kind == "policies" || !body["definition"].has("overflow");
  if (!known) return refuse(400, "bad_request", "Validation failed");
  const bool made = found->second.policies[kind].count(target.part(3)) == 0;
  Json policy = body;
  policy.set("vhost", found->first).set("name", target.part(3));
  found->second.policies[kind][target.part(3)] = std::move(policy);
  return answer_empty(made ? 201 : 204);
}

// Of all vhosts, of one, or one policy.
Answer SimRabbitMq::read_policies(const Target& target) const {
  const bool all = target.parts.size() == 2;
  if (!all && vhosts_.count(target.part(2)) == 0) return not_found();
  Json list = Json::array();
  for (const auto& [vhost, held] : vhosts_) {
    const auto policies = held.policies.find(target.part(1));
    if (policies == held.policies.end() || (!all && vhost != target.part(2))) continue;
    for (const auto& [name, policy] : policies->second) {
      if (target.parts.size() == 4 && name == target.part(3)) return answer_json(200, policy);
      list.push(policy);
    }
  }
  return target.parts.size() == 4 ? not_found() : answer_json(200, list);
}

Answer SimRabbitMq::remove(const Target& target) {
  const std::string& kind = target.part(1);
  const std::string& name = target.part(2);
  if (kind == "vhosts") {
    if (vhosts_.erase(name) == 0) return not_found();
    std::erase_if(permissions_, [&](const auto& entry) { return entry.first.first == name; });
    return answer_empty(204);
  }
  if (kind == "users") {
    if (users_.erase(name) == 0) return not_found();
    std::erase_if(permissions_, [&](const auto& entry) { return entry.first.second == name; });
    return answer_empty(204);
  }
  if (kind == "permissions") {
    return permissions_.erase({name, target.part(3)}) > 0 ? answer_empty(204) : not_found();
  }
  if (kind == "vhost-limits" || kind == "user-limits") return remove_limit(target);
  return not_found();
}

Answer SimRabbitMq::remove_limit(const Target& target) {
  std::map<std::string, int>* limits = limits_of(target);
  if (!limits) return refuse(500, "Internal Server Error", "no such thing");
  limits->erase(target.part(3));
  return answer_empty(204);
}

std::string SimRabbitMq::text() const {
  std::string text;
  for (const auto& [name, vhost] : vhosts_) {
    text += "vhost " + name + " " + vhost.description + " " + join(vhost.tags, ",") + " " +
            sim::limits_of(vhost.limits).dump() + "\n";
    for (const auto& [kind, policies] : vhost.policies) {
      for (const auto& [policy, body] : policies) text += kind + " " + body.dump() + "\n";
    }
  }
  for (const auto& [name, user] : users_) {
    text += "user " + name + " " + user.password_hash + " " + join(user.tags, ",") + " " +
            sim::limits_of(user.limits).dump() + "\n";
  }
  for (const auto& [holder, held] : permissions_) {
    text += "permission of " + holder.second + " on " + holder.first + " \"" + held.configure +
            "\" \"" + held.write + "\" \"" + held.read + "\"\n";
  }
  return text;
}

}  // namespace fairlead::sim
