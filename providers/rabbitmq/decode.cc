#include "providers/rabbitmq/decode.h"

#include <algorithm>

#include "providers/rabbitmq/requests.h"

namespace fairlead::rabbitmq {
namespace {

// A list since 3.9, before that one text with commas.
std::vector<std::string> decode_tags(const Json& tags) {
  std::vector<std::string> out;
  for (const Json& tag : tags.items()) out.push_back(tag.as_string());
  const std::string& text = tags.as_string();
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

bool contains(const std::vector<std::string>& tags, const std::string& tag) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

std::optional<std::int64_t> limit_of(const Json& limits, const char* name) {
  const Json& value = limits[name];
  if (!value.is_int() || value.as_int() < 0) return std::nullopt;
  return value.as_int();
}

}  // namespace

bool SeenApp::vhost_ours() const {
  if (!vhost) return false;
  return vhost->marked || std::any_of(users.begin(), users.end(), [&](const auto& held) {
           return held.second.ours() && held.second.permissions.count(app) > 0;
         });
}

bool SeenApp::user_of_ours() const {
  return std::any_of(users.begin(), users.end(),
                     [](const auto& held) { return held.second.ours(); });
}

bool SeenApp::user_is_the_apps(const SeenUser& user) const {
  return user.ours() || (vhost && vhost->marked && user.permissions.count(app) > 0);
}

std::optional<SeenUser> decode_user(const Keys& keys, const Json& entry) {
  const std::string& name = entry["name"].as_string();
  const std::optional<Account> account = parse_account(name);
  if (!account) return std::nullopt;
  SeenUser user;
  user.account = *account;
  user.tags = decode_tags(entry["tags"]);
  user.marked = contains(user.tags, owner_tag(keys, "user", name));
  user.password_ours = entry["password_hash"].as_string() == password_hash_of(keys, *account) &&
                       entry["hashing_algorithm"].as_string() == hashing_algorithm;
  user.connections_max = decode_connections_max(entry["limits"]);
  return user;
}

SeenVhost decode_vhost(const Keys& keys, const Json& entry) {
  SeenVhost vhost;
  vhost.description = entry["description"].as_string();
  vhost.tags = decode_tags(entry["tags"]);
  vhost.marked = contains(vhost.tags, owner_tag(keys, "vhost", entry["name"].as_string()));
  vhost.owner = owner_in(keys, entry["name"].as_string(), vhost.tags);
  return vhost;
}

Permission decode_permission(const Json& entry) {
  return {entry["configure"].as_string(), entry["write"].as_string(), entry["read"].as_string()};
}

std::optional<std::int64_t> decode_connections_max(const Json& limits) {
  return limit_of(limits, "max-connections");
}

Limits decode_limits(const Json& limits) {
  return {decode_connections_max(limits), limit_of(limits, "max-queues")};
}

std::string decode_policy(const Json& entry) { return policy_text(entry); }

std::string decode_reason(const Answer& answer) {
  constexpr std::size_t longest = 300;
  if (!answer.answered()) return "no answer: " + answer.error;
  const std::string status = std::to_string(answer.status);
  const Result<Json> body = Json::parse(answer.body);
  if (!body) return status + (answer.body.empty() ? "" : " " + answer.body.substr(0, longest));
  const Json& reason = (*body)["reason"];
  // A list repeats what was sent behind its first word, and that may be a password's hash.
  const std::string text = reason.is_array() && !reason.items().empty()
                               ? reason.items()[0].as_string()
                               : reason.as_string();
  const std::string& error = (*body)["error"].as_string();
  return status + " " + (text.empty() ? error : text).substr(0, longest);
}

}  // namespace fairlead::rabbitmq
