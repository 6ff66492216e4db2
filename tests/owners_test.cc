#include "reconciler/owners.h"

#include <doctest/doctest.h>

using namespace fairlead;

TEST_CASE("a manifest is of the folder of the first level in which it lies") {
  const auto of = [](const std::string& source) {
    return owner_of(source, "platform", {"teams/b"});
  };
  CHECK(of("team-a/blog.yml") == "team-a");
  CHECK(of("team-a/web/blog.yml") == "team-a");
  CHECK(of("blog.yml").empty());
  CHECK(of("platform/edge.yml").empty());
  CHECK(of("platforms/edge.yml") == "platforms");
  CHECK(of("teams/b/x.yml") == "teams/b");
  CHECK(of("teams/bb/x.yml") == "teams");
}

TEST_CASE("a mark tells owners apart, and has nothing in it that ends one") {
  CHECK(owner_mark("") == "/");
  CHECK(owner_mark("team-a") == "/team-a");
  CHECK(owner_mark("a b,c'\"") == "/a%20b%2cc%27%22");
  CHECK(owner_mark("a%20b") != owner_mark("a b"));
}

TEST_CASE("things of another owner's are not used, but by whom they were given to") {
  Ownership ownership{"team-a", {}};
  CHECK_FALSE(ownership.forbids("/team-a"));
  CHECK_FALSE(ownership.forbids(""));  // of an earlier version
  CHECK(ownership.forbids("/team-b"));
  CHECK(ownership.forbids("/"));
  ownership.heir_of.insert("/team-b");
  CHECK_FALSE(ownership.forbids("/team-b"));
}

TEST_CASE("class 20: a name stays with whom it was first, in another run, too") {
  NameOwners names;
  CHECK(names.may_have("shop", "team-a", false));
  names.settle("shop", "team-b");
  names.settle("shop", "team-a");
  CHECK(names.take_changed());
  CHECK_FALSE(names.take_changed());
  NameOwners later;
  later.restore(names.encode());
  CHECK_FALSE(later.may_have("shop", "team-a", false));
  CHECK(later.may_have("shop", "team-b", false));
  later.give("shop", "/team-b", "team-a");
  CHECK(later.take_changed());
  CHECK(later.may_have("shop", "team-a", false));
  CHECK_FALSE(later.may_have("shop", "team-b", false));
  CHECK_FALSE(later.of("shop").forbids("/team-b"));
  later.release("shop");
  CHECK(later.may_have("shop", "team-c", false));
}

TEST_CASE("a reserved name is the operator's, unless somebody had it before it was one") {
  NameOwners names;
  CHECK_FALSE(names.may_have("edge", "team-a", true));
  CHECK(names.may_have("edge", "", true));
  names.settle("edge", "infra");
  CHECK(names.may_have("edge", "infra", true));
  CHECK_FALSE(names.may_have("edge", "", true));
}

TEST_CASE("what is kept of names may be damaged") {
  NameOwners names;
  names.restore("{");
  names.restore("[1]");
  CHECK(names.encode().empty());
}

TEST_CASE("a token is of one name, one owner and one heir") {
  const std::string token = claim_token("shop", "/b", "a");
  CHECK(token.size() == 8);
  CHECK(token == claim_token("shop", "/b", "a"));
  CHECK(token != claim_token("shop", "/b", "c"));
  CHECK(token != claim_token("shop", "/c", "a"));
  CHECK(token != claim_token("blog", "/b", "a"));
}
