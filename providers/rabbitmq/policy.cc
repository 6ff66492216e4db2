#include "providers/rabbitmq/policy.h"

#include <algorithm>
#include <string>
#include <vector>

#include "providers/rabbitmq/requests.h"
#include "reconciler/url.h"

namespace fairlead::rabbitmq {
namespace {

Error denied(const std::string& what) {
  return {Code::denied, "refused by fairlead's policy: " + what, ""};
}

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

Result<void> check_server(const HttpCall& call, const Platform& platform) {
  const Platform::Service& service = platform.messagebus;
  const std::string port = ":" + std::to_string(service.management_port);
  const bool known = service.external ? call.endpoint == host_in_url(service.host) + port
                                      : ends_with(call.endpoint, port);
  if (!known) return denied("a request to " + call.endpoint + ", which is not the message bus");
  if (!call.login) return denied("a request without a login");
  if (service.external && service.tls && !call.tls) return denied("a login without TLS");
  return {};
}

Result<void> check_user(const HttpCall& call) {
  const Result<Json> body = Json::parse(call.body);
  if (!body) return denied("a user without a body");
  if ((*body)["password_hash"].as_string().empty()) return denied("a user without a password");
  if ((*body)["hashing_algorithm"].as_string() != hashing_algorithm) {
    return denied("a user with another hashing algorithm");
  }
  for (const auto& [key, value] : body->members()) {
    const bool known = key == "password_hash" || key == "hashing_algorithm" || key == "tags";
    if (!known) return denied("the field " + key + " of a user");
  }
  const std::string& tags = (*body)["tags"].as_string();
  if (tags.rfind("fairlead-", 0) != 0 || tags.find(',') != tags.npos) {
    return denied("a user with the tags " + tags);
  }
  return {};
}

// `parts`: "api", kind, and what follows.
Result<void> check_write(const HttpCall& call, const std::vector<std::string>& parts) {
  const Error unknown = denied(call.method + " " + call.path);
  const bool puts = call.method == "PUT";
  if (!puts && call.method != "DELETE") return unknown;
  if (parts.size() < 3 || parts[0] != "api") return unknown;
  const std::string& kind = parts[1];
  const std::string& last = parts.back();
  const auto account_is = [&](const std::string& user) {
    return parse_account(user).has_value() && user != call.login->user;
  };
  if (kind == "vhosts" && parts.size() == 3 && is_app_name(last)) return {};
  if (kind == "users" && parts.size() == 3 && account_is(last)) {
    return puts ? check_user(call) : Result<void>();
  }
  if (kind == "permissions" && parts.size() == 4 && account_is(last)) {
    // Given are only permissions on the app's own vhost; taken away from anywhere.
    const bool own = parse_account(last)->app == parts[2];
    return own || !puts ? Result<void>() : unknown;
  }
  if (parts.size() != 4) return unknown;
  const bool of_app = puts && is_app_name(parts[2]);
  const bool policies = kind == "policies" || kind == "operator-policies";
  if (policies && of_app && last == policy_name) return {};
  if (kind == "vhost-limits" && of_app && last == "max-queues") return {};
  if (last != "max-connections") return unknown;
  if (kind == "vhost-limits" && of_app) return {};
  if (kind == "user-limits" && !puts && account_is(parts[2])) return {};
  return unknown;
}

}  // namespace

Result<void> check_policy(const Call& call, const Platform& platform) {
  const auto* http = std::get_if<HttpCall>(&call);
  if (!http) return denied("the message bus is asked by HTTP only");
  if (Result<void> checked = check_server(*http, platform); !checked) return checked;
  if (http->writes()) return check_write(*http, parts_of(http->path));
  if (http->path.rfind("/api/", 0) == 0) return {};
  return denied(http->method + " " + http->path);
}

}  // namespace fairlead::rabbitmq
