#include "reconciler/quarantine.h"

#include <doctest/doctest.h>

#include <string>

using namespace fairlead;

TEST_CASE("whom a thread works for is said, and what is inside counts alone") {
  CHECK(Blame::of_this_thread() == nullptr);
  {
    const Blame outer({"blog", "0123456789abcdef"});
    CHECK(std::string(Blame::of_this_thread()->name) == "blog");
    CHECK(std::string(Blame::of_this_thread()->line) == "0123456789abcdef\n");
    {
      const Blame inner({"shop", "1"});
      CHECK(std::string(Blame::of_this_thread()->name) == "shop");
    }
    {
      const Blame nobody({});
      CHECK(Blame::of_this_thread() == nullptr);
    }
    CHECK(std::string(Blame::of_this_thread()->name) == "blog");
  }
  CHECK(Blame::of_this_thread() == nullptr);
}

TEST_CASE("the second death of a version is one too many") {
  const Suspect blog{"blog", version_of("image: a")};
  const Suspect other{"blog", version_of("image: b")};
  Quarantine quarantine;
  CHECK_FALSE(quarantine.holds(blog));
  quarantine.restore("blog", blog.version + "\n");
  CHECK_FALSE(quarantine.holds(blog));
  quarantine.restore("blog", other.version + "\n");
  CHECK_FALSE(quarantine.holds(blog));
  quarantine.restore("blog", blog.version + "\nrubbish\n");
  CHECK(quarantine.holds(blog));
  CHECK(quarantine.deaths(blog) == 2);
  CHECK_FALSE(quarantine.holds(other));
  CHECK(quarantine.release("blog"));
  CHECK_FALSE(quarantine.holds(blog));
  CHECK_FALSE(quarantine.release("blog"));
}

TEST_CASE("a file is a suspect by its path and its text, and is called like no app") {
  const Suspect file = file_suspect("team/blog.yml", "name: blog");
  CHECK(file.name.size() == 17);
  CHECK(file.name.front() == '@');
  CHECK(file.name != file_suspect("team/shop.yml", "name: blog").name);
  CHECK(file.version != file_suspect("team/blog.yml", "name: shop").version);
}
