#include <doctest/doctest.h>

#include "providers/rabbitmq/observe.h"
#include "tests/rabbitmq_scene.h"

using namespace fairlead;
using namespace fairlead::rabbitmq;
using fairlead::testing::bus_keys;
using fairlead::testing::BusScene;

namespace {

const std::string manifest = "name: blog\nimage: a/b:1\nneeds: [messagebus]\n";
const std::string in_place = "vhost blog limit=5\nuser blog\npermission blog on blog\n";

const SeenApp& app_of(const SectionPtr& section) { return dynamic_cast<const SeenApp&>(*section); }

std::vector<std::string> paths(const std::vector<Call>& calls) {
  std::vector<std::string> made;
  for (const Call& call : calls) made.push_back(std::get<HttpCall>(call).path);
  return made;
}

Scope scope_of(const BusScene& scene, const Section* before = nullptr) {
  Scope scope;
  scope.app = "blog";
  scope.wanted = scene.wanted.get();
  scope.before = before;
  return scope;
}

Answer not_found() { return {404, R"({"error":"Object Not Found","reason":"Not Found"})", ""}; }

}  // namespace

TEST_CASE("all apps together are six lists, as the server itself gives them") {
  const BusScene scene("", "");
  const auto observer = scene.provider->observe(scene.session, Scope());
  const std::vector<std::string> asked = {
      "/api/users",       "/api/vhosts?disable_stats=true&columns=name,description,tags",
      "/api/permissions", "/api/vhost-limits",
      "/api/policies",    "/api/operator-policies"};
  CHECK(paths(observer->next()) == asked);
  const std::string tag = owner_tag(bus_keys(), "user", "blog");
  const std::string answers[] = {
      R"([{"name":"blog","password_hash":"kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR",)"
      R"("hashing_algorithm":"rabbit_password_hashing_sha256","tags":[")" +
          tag +
          R"("],"limits":{"max-connections":5}},{"name":"fairlead",)"
          R"("password_hash":"wwQEhs3dYi2P3uE64ST08uIcqE/o+ySnd9kVv+tEjFBAh8Fp",)"
          R"("hashing_algorithm":"rabbit_password_hashing_sha256","tags":["administrator"],)"
          R"("limits":{}}])",
      R"([{"description":"Default virtual host","name":"/","tags":[]},)"
      R"({"description":"d","name":"blog","tags":[")" +
          owner_tag(bus_keys(), "vhost", "blog") + R"(","x"]}])",
      R"([{"user":"fairlead","vhost":"/","configure":".*","write":".*","read":".*"},)"
      R"({"user":"blog","vhost":"blog","configure":"","write":".*","read":"^a"},)"
      R"({"user":"fairlead","vhost":"blog","configure":".*","write":".*","read":".*"}])",
      R"([{"vhost":"shop","value":[]},{"vhost":"blog","value":{"max-connections":7}}])",
      R"([{"vhost":"blog","name":"fairlead","pattern":".*","apply-to":"queues","definition":)"
      R"({"overflow":"drop-head"},"priority":1},{"vhost":"blog","name":"other","pattern":"x"}])",
      R"([{"vhost":"blog","name":"fairlead","pattern":".*","apply-to":"queues","definition":)"
      R"({"max-length-bytes":268435456},"priority":0}])"};
  for (std::size_t i = 0; i < 6; ++i) REQUIRE(observer->take(i, {200, answers[i], ""}).ok());
  CHECK(observer->next().empty());
  const auto apps = observer->finish().apps;
  REQUIRE(apps.size() == 1);
  const SeenApp& seen = app_of(apps.at("blog"));
  REQUIRE(seen.vhost.has_value());
  CHECK(seen.vhost->marked);
  CHECK(seen.vhost->limits == Limits{7, std::nullopt});
  CHECK(seen.vhost->overflow_policy == ".* queues 1 overflow=\"drop-head\"");
  CHECK(seen.vhost->size_policy == policy_text(size_policy(AccountSpec().queue_size)));
  REQUIRE(seen.users.size() == 1);
  const SeenUser& user = seen.users.at("blog");
  CHECK(user.marked);
  CHECK_FALSE(user.password_ours);
  CHECK(user.connections_max == 5);
  REQUIRE(user.permissions.size() == 1);
  CHECK(user.permissions.at("blog") == Permission{"", ".*", "^a"});
}

TEST_CASE("apps that have nothing of ours are left out of a listing, whatever else is there") {
  const BusScene scene("", "vhost shop unmarked\nuser shop foreign\npermission shop on shop\n" +
                               in_place + "user Weird foreign\n");
  const auto apps = scene.listed();
  CHECK(apps.size() == 1);
  CHECK(apps.count("blog") == 1);
}

TEST_CASE("one app is asked for by its own names in one round") {
  const BusScene scene(manifest, in_place);
  const auto observer = scene.provider->observe(scene.session, scope_of(scene));
  const std::vector<std::string> asked = {
      "/api/vhosts/blog?disable_stats=true&columns=name,description,tags",
      "/api/vhost-limits/blog",
      "/api/policies/blog/fairlead",
      "/api/operator-policies/blog/fairlead",
      "/api/users/blog",
      "/api/users/blog/permissions"};
  CHECK(paths(observer->next()) == asked);
  REQUIRE(observer->take(0, testing::ok(scene.vhosts.items()[0])).ok());
  REQUIRE(observer->take(1, testing::ok(scene.limits)).ok());
  REQUIRE(observer->take(2, testing::ok(scene.policies.items()[0])).ok());
  REQUIRE(observer->take(3, testing::ok(scene.operator_policies.items()[0])).ok());
  REQUIRE(observer->take(4, testing::ok(scene.users.items()[0])).ok());
  REQUIRE(observer->take(5, testing::ok(scene.permissions)).ok());
  CHECK(observer->next().empty());
  const auto apps = observer->finish().apps;
  const auto listed = scene.listed();
  CHECK(app_of(apps.at("blog")).vhost == app_of(listed.at("blog")).vhost);
  CHECK(app_of(apps.at("blog")).users == app_of(listed.at("blog")).users);
  CHECK(scene.provider->changes(listed.at("blog").get(), apps.at("blog").get()).empty());
}

TEST_CASE("an app that is new is not there, and that is no error") {
  const BusScene scene(manifest, "");
  const auto observer = scene.provider->observe(scene.session, scope_of(scene));
  REQUIRE(observer->next().size() == 6);
  for (std::size_t i = 0; i < 6; ++i) REQUIRE(observer->take(i, not_found()).ok());
  CHECK(observer->finish().apps.empty());
}

TEST_CASE("a foreign user or vhost of the wanted name is seen") {
  const BusScene scene(manifest, "vhost blog unmarked\nuser blog foreign\n");
  const auto observer = scene.provider->observe(scene.session, scope_of(scene));
  REQUIRE(observer->next().size() == 6);
  REQUIRE(observer->take(0, testing::ok(scene.vhosts.items()[0])).ok());
  REQUIRE(observer->take(1, testing::ok(Json::array())).ok());
  REQUIRE(observer->take(2, not_found()).ok());
  REQUIRE(observer->take(3, not_found()).ok());
  REQUIRE(observer->take(4, testing::ok(scene.users.items()[0])).ok());
  REQUIRE(observer->take(5, testing::ok(Json::array())).ok());
  const auto apps = observer->finish().apps;
  const SeenApp& seen = app_of(apps.at("blog"));
  REQUIRE(seen.vhost.has_value());
  CHECK_FALSE(seen.vhost_ours());
  CHECK_FALSE(seen.user_is_the_apps(seen.users.at("blog")));
  CHECK_FALSE(scene.provider->anything(&seen));
  CHECK(scene.provider->data(&seen).empty());
}

TEST_CASE("users of other rotations that are known are asked for too, foreign ones are not") {
  const BusScene scene(manifest, in_place + "user blog.2\nuser blog.7 foreign\n");
  const SectionPtr before = scene.listed().at("blog");
  const auto observer = scene.provider->observe(scene.session, scope_of(scene, before.get()));
  const std::vector<std::string> asked = paths(observer->next());
  REQUIRE(asked.size() == 8);
  CHECK(asked[6] == "/api/users/blog.2");
  CHECK(asked[7] == "/api/users/blog.2/permissions");
}

TEST_CASE("nothing is asked where there is nothing to know, or it was just listed") {
  const BusScene unconcerned("name: blog\nimage: a/b:1\n", "");
  CHECK(unconcerned.provider->observe(unconcerned.session, scope_of(unconcerned))->next().empty());
  const BusScene scene(manifest, in_place);
  const SectionPtr before = scene.listed().at("blog");
  Scope scope = scope_of(scene, before.get());
  scope.listed = true;
  const auto observer = scene.provider->observe(scene.session, scope);
  CHECK(observer->next().empty());
  const auto apps = observer->finish().apps;
  CHECK(app_of(apps.at("blog")).vhost == app_of(before).vhost);
  CHECK(app_of(apps.at("blog")).users == app_of(before).users);
}

TEST_CASE("any answer that cannot be read makes an observation worth nothing") {
  const BusScene scene(manifest, in_place);
  const auto take = [&](const Answer& answer) {
    const auto observer = scene.provider->observe(scene.session, Scope());
    REQUIRE(observer->next().size() == 6);
    return observer->take(0, answer);
  };
  CHECK(take({200, "[]", ""}).ok());
  for (const Answer& answer :
       {Answer{0, "", "timed out"}, Answer{500, "", ""}, Answer{200, "[{\"name\":", ""},
        Answer{200, "", ""}, Answer{200, "3", ""}, Answer{404, "", ""}, Answer{204, "", ""}}) {
    CAPTURE(answer.status);
    CHECK_FALSE(take(answer).ok());
  }
  const Result<void> refused =
      take({401, R"({"error":"not_authorised","reason":"Not administrator user"})", ""});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message ==
        "RabbitMQ at 10.213.0.2:15672 refuses the user fairlead: 401 Not administrator user");
}

TEST_CASE("what changed between two listings is told without a hash") {
  const BusScene before(manifest, in_place);
  const BusScene after(manifest, "vhost blog bare\nuser blog password=changed\nuser blog.2\n");
  const auto was = before.listed();
  const auto is = after.listed();
  const std::string tag = owner_tag(bus_keys(), "user", "blog");
  const std::vector<std::string> told = {
      "user blog: our password, " + tag + ", on blog \".*\" \".*\" \".*\" → another password, " +
          tag,
      "user blog.2 appeared",
      "vhost blog: ours, at most 5 connections, at most 1000 queues, policy " +
          policy_text(overflow_policy()) + ", policy " +
          policy_text(size_policy(AccountSpec().queue_size)) + " → ours"};
  CHECK(before.provider->changes(was.at("blog").get(), is.at("blog").get()) == told);
  const std::vector<std::string> gone = {"user blog vanished", "vhost blog vanished"};
  CHECK(before.provider->changes(was.at("blog").get(), nullptr) == gone);
}

TEST_CASE("hostile names and types are read as what they are: nothing of ours") {
  const BusScene scene("", "");
  const auto observer = scene.provider->observe(scene.session, Scope());
  REQUIRE(observer->next().size() == 6);
  CHECK(observer->take(0, {200, R"([7,null,{"name":5},{"name":"../x","tags":{"a":1}},{}])", ""})
            .ok());
  CHECK(observer->take(1, {200, R"([{"name":["a"]},{"name":"a/b","tags":"x,,y"}])", ""}).ok());
  CHECK(observer->take(2, {200, R"([{"user":3,"vhost":null},[]])", ""}).ok());
  CHECK(observer->take(3, {200, R"([{"vhost":"blog","value":{"max-connections":"9"}}])", ""}).ok());
  CHECK(observer->take(4, {200, R"([3,{"vhost":7,"name":"fairlead"},{"name":[]}])", ""}).ok());
  CHECK(observer->take(5, {200, R"([{"vhost":"x","name":"fairlead","definition":[1]}])", ""}).ok());
  CHECK(observer->finish().apps.empty());
}
