#include "reconciler/schemes.h"

#include <doctest/doctest.h>

namespace fairlead {
namespace {

std::map<std::string, Catalog::Entry> apps(const std::set<std::string>& names) {
  std::map<std::string, Catalog::Entry> all;
  for (const std::string& name : names) all[name] = {};
  return all;
}

}  // namespace

TEST_CASE("the first reading of an installation that kept no schemes takes over what files say") {
  Schemes schemes;
  CHECK_FALSE(schemes.of("blog"));
  schemes.keep(apps({"blog", "shop", "wiki"}));
  CHECK(schemes.changed());
  CHECK_FALSE(schemes.changed());
  CHECK(schemes.settle("blog", Scheme::https));
  CHECK_FALSE(schemes.settle("shop", std::nullopt));
  CHECK(schemes.changed());
  CHECK(schemes.of("blog") == Scheme::https);
  // Once, whatever the files say later.
  CHECK_FALSE(schemes.settle("blog", Scheme::http));
  CHECK_FALSE(schemes.settle("shop", Scheme::https));
  CHECK_FALSE(schemes.of("shop"));
}

TEST_CASE("of apps that come later nothing is taken over, nor after a restart") {
  Schemes schemes;
  schemes.keep({});
  schemes.keep(apps({"blog"}));
  CHECK_FALSE(schemes.settle("blog", Scheme::https));
  Schemes again;
  again.restore(schemes.encode());
  again.keep(apps({"blog"}));
  CHECK_FALSE(again.changed());
  CHECK_FALSE(again.settle("blog", Scheme::https));
}

TEST_CASE("a restart keeps what was taken over, and whose turn has not come yet") {
  Schemes schemes;
  schemes.keep(apps({"blog", "wiki"}));
  schemes.settle("blog", Scheme::https);
  Schemes again;
  again.restore(schemes.encode());
  CHECK(again.of("blog") == Scheme::https);
  CHECK(again.settle("wiki", Scheme::http));
  CHECK(again.of("wiki") == Scheme::http);
  again.keep(apps({"wiki"}));
  CHECK_FALSE(again.of("blog"));
  Schemes damaged;
  damaged.restore("{");
  damaged.keep(apps({"blog"}));
  CHECK(damaged.settle("blog", Scheme::https));
}

}  // namespace fairlead
