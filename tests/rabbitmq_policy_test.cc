#include <doctest/doctest.h>

#include "providers/rabbitmq/policy.h"
#include "tests/rabbitmq_scene.h"

using namespace fairlead;
using namespace fairlead::rabbitmq;

namespace {

HttpCall request(const std::string& method, const std::string& path, const std::string& body = "") {
  HttpCall call;
  call.endpoint = "10.213.0.2:15672";
  call.method = method;
  call.path = path;
  call.body = body;
  call.login = Login{"fairlead", Secret("x"), ""};
  return call;
}

bool allowed(const HttpCall& call, const Platform& platform = Platform()) {
  const Result<void> checked = check_policy(call, platform);
  if (!checked) CHECK(checked.error().code == Code::denied);
  return checked.ok();
}

std::string user_body(const std::string& hash, const std::string& tags,
                      const std::string& more = "") {
  return R"({"password_hash":")" + hash +
         R"(","hashing_algorithm":"rabbit_password_hashing_sha256","tags":")" + tags + "\"" + more +
         "}";
}

}  // namespace

TEST_CASE("a user is never sent without a password's hash, with rights, or with more") {
  const auto put = [](const std::string& body) {
    return allowed(request("PUT", "/api/users/blog", body));
  };
  CHECK(put(user_body("AAAA", "fairlead-1-2")));
  CHECK_FALSE(put(user_body("", "fairlead-1-2")));
  CHECK_FALSE(put(R"({"tags":"fairlead-1-2"})"));
  CHECK_FALSE(put(""));
  CHECK_FALSE(put(R"({"password_hash":"A","hashing_algorithm":"md5","tags":"fairlead-1-2"})"));
  CHECK_FALSE(put(user_body("AAAA", "administrator")));
  CHECK_FALSE(put(user_body("AAAA", "fairlead-1-2,administrator")));
  CHECK_FALSE(put(user_body("AAAA", "")));
  CHECK_FALSE(put(user_body("AAAA", "fairlead-1-2", R"(,"password":"clear")")));
}

TEST_CASE("only what could be an app's is written, and never the user that fairlead itself is") {
  const std::string body = user_body("AAAA", "fairlead-1-2");
  CHECK(allowed(request("PUT", "/api/users/blog.2", body)));
  CHECK(allowed(request("DELETE", "/api/users/blog")));
  for (const char* user : {"fairlead", "Admin", "blog.1", "", "blog%2F", "blog?x", ".."}) {
    CAPTURE(user);
    CHECK_FALSE(allowed(request("PUT", std::string("/api/users/") + user, body)));
    CHECK_FALSE(allowed(request("DELETE", std::string("/api/users/") + user)));
  }
  CHECK(allowed(request("PUT", "/api/vhosts/blog", "{}")));
  CHECK(allowed(request("DELETE", "/api/vhosts/blog")));
  CHECK_FALSE(allowed(request("DELETE", "/api/vhosts/%2F")));
  CHECK_FALSE(allowed(request("DELETE", "/api/vhosts/")));
  CHECK_FALSE(allowed(request("DELETE", "/api/vhosts/..")));
}

TEST_CASE("permissions are given on an app's own vhost only, and taken away anywhere") {
  CHECK(allowed(request("PUT", "/api/permissions/blog/blog.2", "{}")));
  CHECK_FALSE(allowed(request("PUT", "/api/permissions/shop/blog", "{}")));
  CHECK_FALSE(allowed(request("PUT", "/api/permissions/%2F/blog", "{}")));
  CHECK(allowed(request("DELETE", "/api/permissions/%2F/blog")));
  CHECK_FALSE(allowed(request("DELETE", "/api/permissions/%2F/fairlead")));
}

TEST_CASE("of limits and policies only our own are written, no vhost loses one, users get none") {
  CHECK(allowed(request("PUT", "/api/vhost-limits/blog/max-connections", "{}")));
  CHECK(allowed(request("PUT", "/api/vhost-limits/blog/max-queues", "{}")));
  for (const std::string kind : {"policies", "operator-policies"}) {
    CHECK(allowed(request("PUT", "/api/" + kind + "/blog/fairlead", "{}")));
    CHECK_FALSE(allowed(request("DELETE", "/api/" + kind + "/blog/fairlead")));
    CHECK_FALSE(allowed(request("PUT", "/api/" + kind + "/blog/other", "{}")));
    CHECK_FALSE(allowed(request("PUT", "/api/" + kind + "/%2F/fairlead", "{}")));
  }
  CHECK_FALSE(allowed(request("DELETE", "/api/vhost-limits/blog/max-connections")));
  CHECK(allowed(request("DELETE", "/api/user-limits/blog.2/max-connections")));
  CHECK_FALSE(allowed(request("PUT", "/api/user-limits/blog/max-connections", "{}")));
  CHECK_FALSE(allowed(request("PUT", "/api/vhost-limits/%2F/max-queues", "{}")));
}

TEST_CASE("nothing else of the API is written") {
  for (const char* path : {"/api/definitions", "/api/queues/blog/jobs", "/api/users", "/",
                           "/api/policies/blog/x", "/api/users/bulk-delete", "/x/users/blog"}) {
    CAPTURE(path);
    CHECK_FALSE(allowed(request("DELETE", path)));
    CHECK_FALSE(allowed(request("POST", path)));
  }
  CHECK_FALSE(allowed(request("POST", "/api/users/blog")));
  CHECK(allowed(request("GET", "/api/users")));
  CHECK_FALSE(allowed(request("GET", "/users")));
  CHECK_FALSE(check_policy(FileCall(), Platform()).ok());
  CHECK_FALSE(check_policy(SqlCall(), Platform()).ok());
}

TEST_CASE("only the message bus of the platform file is asked, with a login, by TLS where said") {
  HttpCall call = request("GET", "/api/users");
  call.endpoint = "10.213.0.2:2375";
  CHECK_FALSE(allowed(call));
  call = request("GET", "/api/users");
  call.login.reset();
  CHECK_FALSE(allowed(call));
  const fairlead::testing::BusScene external("", "external tls\n");
  call = request("GET", "/api/users");
  call.endpoint = "mq.example.org:15671";
  CHECK_FALSE(allowed(call, external.platform));
  call.tls = Tls();
  CHECK(allowed(call, external.platform));
  call.endpoint = "evil.example.org:15671";
  CHECK_FALSE(allowed(call, external.platform));
}
