#include "reconciler/image_ref.h"

#include <doctest/doctest.h>

#include <string>

using namespace fairlead;

namespace {

const std::string digest = "sha256:" + std::string(64, 'a');

// "registry repository tag digest endpoint", with "-" for what is empty.
std::string parts(const std::string& image) {
  const auto ref = ImageRef::parse(image);
  if (!ref) return "none";
  const auto word = [](const std::string& text) { return " " + (text.empty() ? "-" : text); };
  return ref->registry + word(ref->repository) + word(ref->tag) + word(ref->digest) + " " +
         ref->endpoint() + (ref->local() ? " local" : "");
}

}  // namespace

TEST_CASE("an image reference is taken apart as the engine does") {
  CHECK(parts("nginx") == "docker.io library/nginx latest - registry-1.docker.io:443");
  CHECK(parts("acme/blog:1") == "docker.io acme/blog 1 - registry-1.docker.io:443");
  CHECK(parts("docker.io/nginx:1") == "docker.io library/nginx 1 - registry-1.docker.io:443");
  CHECK(parts("index.docker.io/a/b") == "docker.io a/b latest - registry-1.docker.io:443");
  CHECK(parts("ghcr.io/acme/blog:0042") == "ghcr.io acme/blog 0042 - ghcr.io:443");
  CHECK(parts("r.example.org:8443/a/b/c:x") == "r.example.org:8443 a/b/c x - r.example.org:8443");
  CHECK(parts("localhost/x:1") == "localhost x 1 - localhost:80 local");
  CHECK(parts("localhost:5000/x") == "localhost:5000 x latest - localhost:5000 local");
  CHECK(parts("127.0.0.1:5000/x:1") == "127.0.0.1:5000 x 1 - 127.0.0.1:5000 local");
  CHECK(parts("127.example.org/x:1") == "127.example.org x 1 - 127.example.org:443");
  CHECK(parts("a/b@" + digest) == "docker.io a/b - " + digest + " registry-1.docker.io:443");
  CHECK(parts("a/b:1@" + digest) == "docker.io a/b 1 " + digest + " registry-1.docker.io:443");
}

TEST_CASE("what is no image reference has no parts") {
  for (const char* image : {"", "A/b", "a b", "a/b:", "a/b@sha256:12", "../a"}) {
    CAPTURE(image);
    CHECK(parts(image) == "none");
  }
}

TEST_CASE("a reference is written anew with another tag and digest, its name as it was") {
  const ImageRef ref = *ImageRef::parse("localhost:5000/x:1");
  CHECK(ref.at("2", digest) == "localhost:5000/x:2@" + digest);
  CHECK(ref.at("2", "") == "localhost:5000/x:2");
  CHECK(ref.at("", digest) == "localhost:5000/x@" + digest);
  CHECK(ImageRef::parse("nginx")->at("1", "") == "nginx:1");
}
