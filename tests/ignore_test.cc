#include "reconciler/ignore.h"

#include <doctest/doctest.h>

using namespace fairlead;

namespace {

bool ignored(const std::string& pattern, const std::string& path) {
  return !IgnoreList::parse(pattern).match(path).empty();
}

}  // namespace

TEST_CASE("a pattern without a slash is for a name at any depth, one with a slash for a path") {
  CHECK(ignored("values.yml", "values.yml"));
  CHECK(ignored("values.yml", "team/deep/values.yml"));
  CHECK_FALSE(ignored("values.yml", "my-values.yml"));
  CHECK(ignored("team/*.yml", "team/a.yml"));
  CHECK_FALSE(ignored("team/*.yml", "team/deep/a.yml"));
  CHECK_FALSE(ignored("team/*.yml", "other/team/a.yml"));
  CHECK(ignored("/a.yml", "a.yml"));
  CHECK_FALSE(ignored("/a.yml", "team/a.yml"));
}

TEST_CASE("a folder is ignored with all that is in it") {
  CHECK(ignored("docs/", "docs/a.yml"));
  CHECK(ignored("docs/", "team/docs/deep/a.yml"));
  CHECK(ignored("docs", "docs/a.yml"));
  CHECK_FALSE(ignored("docs.yml/", "docs.yml"));
  CHECK(ignored("team/docs/", "team/docs/a.yml"));
  CHECK_FALSE(ignored("team/docs/", "docs/a.yml"));
}

TEST_CASE("stars and question marks stay within a name, two stars do not") {
  CHECK(ignored("*.bak.yml", "a/x.bak.yml"));
  CHECK(ignored("a?.yml", "ab.yml"));
  CHECK_FALSE(ignored("a?.yml", "abc.yml"));
  CHECK_FALSE(ignored("a/?.yml", "a//.yml"));
  CHECK(ignored("a/**/z.yml", "a/b/c/z.yml"));
  CHECK(ignored("**/z.yml", "z.yml"));
  CHECK(ignored("**/test/*.json", "test/z.json"));
  CHECK(ignored("**/test/*.json", "a/b/test/z.json"));
  CHECK_FALSE(ignored("a/*z/b.yml", "a/x/z/b.yml"));
  CHECK(ignored("a/**x*.yml", "a/b/c/ax9.yml"));
  CHECK(ignored("*", "a.yml"));
  const std::string many(60, 'a');
  CHECK_FALSE(ignored("**a*a*a**a*a*a**a*a*b", many + "/" + many));
}

TEST_CASE("comments, blank lines and ends of lines as Windows writes them mean nothing") {
  const IgnoreList list = IgnoreList::parse("# ours\r\n\r\ndocs/\r\n  \n*.json\n");
  CHECK(list.errors().empty());
  CHECK(list.match("docs/a.yml") == "docs/ (.fairleadignore:3)");
  CHECK(list.match("x.json") == "*.json (.fairleadignore:5)");
  CHECK(list.match("x.yml").empty());
}

TEST_CASE("what is not understood is an error with its line") {
  const IgnoreList list = IgnoreList::parse("a.yml\n!b.yml\n[ab].yml\n");
  REQUIRE(list.errors().size() == 2);
  CHECK(list.errors()[0].text().find(".fairleadignore:2: ") == 0);
  CHECK_FALSE(list.match("a.yml").empty());
}

TEST_CASE("names that other tools know are known at any depth") {
  for (const char* path : {"renovate.json", "team/docker-compose.prod.yml", "compose.yaml",
                           "README.yml", "a/package.json"}) {
    CAPTURE(path);
    CHECK(is_well_known(path));
  }
  CHECK_FALSE(is_well_known("blog.yml"));
  CHECK_FALSE(is_well_known("compose/blog.yml"));
}
