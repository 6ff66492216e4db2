#include <doctest/doctest.h>

#include "providers/nginx/certificates.h"
#include "tests/certificate_maker.h"

namespace fairlead::nginx {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::MadeCertificate;
using testing::make_certificate;
using testing::Wish;
using Files = std::map<std::string, Secret>;

const Keys keys("0123456789abcdef", Secret(std::string(32, 'k')));
constexpr Duration now = seconds(1'750'000'000);

MadeCertificate made_for(const std::string& names) {
  Wish wish;
  wish.names = names;
  return make_certificate(wish);
}

Result<Certificate> parse(const std::string& chain, const std::string& key) {
  return parse_certificate("file a.crt", chain, Secret(key));
}
Result<Certificate> parse(const MadeCertificate& made) { return parse(made.crt(), made.pem_key()); }

void put(Files& files, const std::string& stem, const MadeCertificate& made) {
  files[stem + ".crt"] = Secret(made.crt());
  files[stem + ".key"] = Secret(made.pem_key());
}

// What is found for a host: its source, "none", or the error.
std::string found(const Files& files, const std::string& host) {
  const auto result = find_certificate(files, host);
  if (!result) return result.error().message;
  return *result ? (*result)->source : "none";
}

X509Ptr leaf_of(const Certificate& certificate) {
  const std::string& pem = certificate.pem.reveal();
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

TEST_CASE("a certificate is read with its names in lower case and its times") {
  const auto read = parse(made_for("DNS:Blog.Example.ORG,DNS:*.example.org,IP:192.168.2.1"));
  REQUIRE(read.ok());
  CHECK(read->source == "file a.crt");
  CHECK(read->names == std::vector<std::string>{"blog.example.org", "*.example.org"});
  CHECK(read->begins == seconds(1'700'000'000));
  CHECK(read->ends == seconds(1'800'000'000));
  CHECK(read->id.size() == 32);
}

TEST_CASE("the id is that of the content: line ends and comments change nothing, a new key does") {
  const MadeCertificate made = made_for("DNS:a.example.org");
  std::string noted = "Bag Attributes\r\n    friendlyName: a\r\n";
  for (const char letter : made.crt()) noted += letter == '\n' ? "\r\n" : std::string(1, letter);
  CHECK(parse(made)->id == parse(noted, "# mine\n" + made.pem_key())->id);
  CHECK(parse(made)->id != parse(made_for("DNS:a.example.org"))->id);
}

TEST_CASE("keys of RSA in their old form, keys of EC behind their parameters: all are read") {
  Wish wish;
  wish.rsa_bits = 2048;
  const MadeCertificate rsa = make_certificate(wish);
  const std::string old = testing::written([&](BIO* bio) {
    return PEM_write_bio_PrivateKey_traditional(bio, rsa.key.get(), nullptr, nullptr, 0, nullptr,
                                                nullptr);
  });
  CHECK(old.find("BEGIN RSA PRIVATE KEY") != std::string::npos);
  CHECK(parse(rsa.crt(), old).ok());
  const MadeCertificate ec = make_certificate({});
  const std::string parameters =
      testing::written([&](BIO* bio) { return PEM_write_bio_Parameters(bio, ec.key.get()); });
  CHECK(parameters.find("BEGIN EC PARAMETERS") != std::string::npos);
  CHECK(parse(ec.crt(), parameters + ec.pem_key()).ok());
}

TEST_CASE("a key that nginx may find too short is for nginx to judge") {
  Wish wish;
  wish.rsa_bits = 512;
  CHECK(parse(make_certificate(wish)).ok());
}

TEST_CASE("an expired certificate is read: it is better than none, and its end is shown") {
  Wish wish;
  wish.ends = seconds(1'700'000'100);
  const auto read = parse(make_certificate(wish));
  REQUIRE(read.ok());
  CHECK(read->ends == seconds(1'700'000'100));
}

TEST_CASE("a chain is kept in its order, the key comes last, and all can be read again") {
  const MadeCertificate root = make_certificate({});
  Wish wish;
  wish.names = "DNS:a.example.org";
  wish.issuer = &root;
  const MadeCertificate leaf = make_certificate(wish);
  const auto read = parse(leaf.crt() + root.crt(), leaf.pem_key());
  REQUIRE(read.ok());
  CHECK(read->pem.reveal() == leaf.crt() + root.crt() + leaf.pem_key());
  CHECK(read->names == std::vector<std::string>{"a.example.org"});
  CHECK(parse(read->pem.reveal(), read->pem.reveal())->id == read->id);
  CHECK(parse(root.crt() + leaf.crt(), leaf.pem_key()).error().message ==
        "its key is of another certificate than the first one in it");
}

TEST_CASE("what is no certificate, or no key of it, is refused in words") {
  const MadeCertificate made = make_certificate({});
  const auto refused = [](const std::string& chain, const std::string& key) {
    const auto read = parse(chain, key);
    CHECK(read.error().code == Code::invalid);
    return read.error().message;
  };
  const std::string none = "there is no certificate in PEM form in it";
  CHECK(refused("", made.pem_key()) == none);
  CHECK(refused(made.pem_key(), made.pem_key()) == none);
  std::string broken = made.crt();
  broken.replace(100, 8, "!!!!!!!!");
  CHECK(refused(broken, made.pem_key()) == "a certificate in it is damaged");
  CHECK(refused(made.crt() + broken, made.pem_key()) == "a certificate in it is damaged");
  CHECK(refused(made.crt().substr(0, 300), made.pem_key()) == "a certificate in it is damaged");
  CHECK(refused(made.crt(), "") == "there is no private key in PEM form beside it");
  CHECK(refused(made.crt(), make_certificate({}).pem_key()) ==
        "its key is of another certificate than the first one in it");
  Wish rsa;
  rsa.rsa_bits = 1024;
  CHECK(refused(made.crt(), make_certificate(rsa).pem_key()) ==
        "its key is of another certificate than the first one in it");
}

TEST_CASE("an encrypted key is refused, with what to do") {
  const MadeCertificate made = make_certificate({});
  const std::string locked = testing::written([&](BIO* bio) {
    const auto* word = reinterpret_cast<const unsigned char*>("secret");
    return PEM_write_bio_PrivateKey(bio, made.key.get(), EVP_aes_128_cbc(), word, 6, nullptr,
                                    nullptr);
  });
  CHECK(parse(made.crt(), locked).error().message ==
        "its key is encrypted; write it without a passphrase");
}

TEST_CASE("a certificate covers its names, a wildcard exactly one label") {
  const auto read = parse(made_for("DNS:a.example.org,DNS:*.example.net"));
  REQUIRE(read.ok());
  CHECK(covers(*read, "a.example.org"));
  CHECK(covers(*read, "b.example.net"));
  CHECK(covers(*read, "*.example.net"));
  CHECK_FALSE(covers(*read, "example.net"));
  CHECK_FALSE(covers(*read, "a.b.example.net"));
  CHECK_FALSE(covers(*read, "*.example.org"));
  CHECK_FALSE(covers(*read, "b.example.org"));
}

TEST_CASE("a common name alone covers nothing, nor does a name with a zero byte in it") {
  CHECK_FALSE(covers(*parse(made_for("")), "example.org"));
  MadeCertificate made = make_certificate({});
  const NamesPtr names(sk_GENERAL_NAME_new_null());
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, "a.example.org\0.evil.example", 27);
  GENERAL_NAME_set0_value(name, GEN_DNS, text);
  sk_GENERAL_NAME_push(names.get(), name);
  X509_add1_ext_i2d(made.certificate.get(), NID_subject_alt_name, names.get(), 0, 0);
  X509_sign(made.certificate.get(), made.key.get(), EVP_sha256());
  const auto read = parse(made);
  REQUIRE(read.ok());
  CHECK(read->names.empty());
}

TEST_CASE("a host has its own file, else the wildcard's, else its parent's where that covers it") {
  Files files;
  CHECK(found(files, "blog.example.org") == "none");
  put(files, "example.org", made_for("DNS:example.org,DNS:*.example.org"));
  CHECK(found(files, "blog.example.org") == "file example.org.crt");
  CHECK(found(files, "example.org") == "file example.org.crt");
  put(files, "_.example.org", made_for("DNS:*.example.org"));
  CHECK(found(files, "blog.example.org") == "file _.example.org.crt");
  CHECK(found(files, "*.example.org") == "file _.example.org.crt");
  put(files, "blog.example.org", made_for("DNS:blog.example.org"));
  CHECK(found(files, "blog.example.org") == "file blog.example.org.crt");
  CHECK(found(files, "a.blog.example.org") == "none");
}

TEST_CASE(
    "a wildcard's file serves the name above it where it says that, and is no fault elsewhere") {
  Files files;
  put(files, "_.example.net", made_for("DNS:*.example.net,DNS:example.net"));
  CHECK(found(files, "example.net") == "file _.example.net.crt");
  CHECK(found(files, "a.example.net") == "file _.example.net.crt");
  put(files, "_.example.net", made_for("DNS:*.example.net"));
  CHECK(found(files, "example.net") == "none");
  put(files, "example.net", made_for("DNS:example.net"));
  CHECK(found(files, "example.net") == "file example.net.crt");
}

TEST_CASE("a key that waits for its certificate is told, unless another file serves the host") {
  Files files{{"blog.example.org.key", Secret(made_for("DNS:blog.example.org").pem_key())}};
  CHECK(found(files, "blog.example.org") ==
        "file blog.example.org.crt: is not there, and blog.example.org.key is");
  put(files, "_.example.org", made_for("DNS:*.example.org"));
  CHECK(found(files, "blog.example.org") == "file _.example.org.crt");
}

TEST_CASE("the last fourteen days of a certificate are told, of ACME's only what is overdue") {
  Certificate certificate;
  certificate.begins = seconds(1'700'000'000);
  certificate.ends = certificate.begins + hours(90 * 24);
  const Duration soon = certificate.ends - hours(14 * 24);
  const auto at = [&](Duration time) { return lifetime_of(certificate, time); };
  CHECK(at(certificate.begins - seconds(1)).warning == "is valid only from 2023-11-14 on");
  CHECK(at(soon - seconds(1)).warning.empty());
  CHECK(at(soon - seconds(1)).next == soon);
  CHECK(at(soon).warning == "ends on 2024-02-12");
  CHECK(at(soon).next == certificate.ends);
  CHECK(at(certificate.ends).warning == "ended on 2024-02-12");
  CHECK(at(certificate.ends).next == Duration(0));
  certificate.acme = true;
  CHECK(at(soon).warning == "ends on 2024-02-12, and its renewal is overdue");
  // Of six days it is renewed two before the end.
  certificate.ends = certificate.begins + hours(6 * 24);
  CHECK(at(certificate.ends - hours(40)).warning.empty());
  CHECK_FALSE(at(certificate.ends - hours(24)).warning.empty());
}

TEST_CASE("one file may hold both, certificate and key") {
  const MadeCertificate made = made_for("DNS:a.example.org,DNS:b.example.org");
  Files files{{"a.example.org.pem", Secret(made.pem_key() + made.crt())},
              {"b.example.org.crt", Secret(made.crt() + made.pem_key())}};
  CHECK(found(files, "a.example.org") == "file a.example.org.pem");
  CHECK(found(files, "b.example.org") == "file b.example.org.crt");
}

TEST_CASE("the operator's file comes before the client's, also where it is a wildcard") {
  Files files;
  put(files, "acme/blog.example.org", made_for("DNS:blog.example.org"));
  CHECK(found(files, "blog.example.org") == "ACME blog.example.org.crt");
  put(files, "_.example.org", made_for("DNS:*.example.org"));
  CHECK(found(files, "blog.example.org") == "file _.example.org.crt");
}

TEST_CASE("a file that is there for a host and of no use is an error that names it") {
  Files files;
  put(files, "a.example.org", made_for("DNS:b.example.org,DNS:c.example.org"));
  CHECK(found(files, "a.example.org") ==
        "file a.example.org.crt: is for b.example.org, c.example.org, not for a.example.org");
  put(files, "a.example.org", made_for(""));
  CHECK(found(files, "a.example.org") ==
        "file a.example.org.crt: is for no host name (a common name counts for no browser), "
        "not for a.example.org");
  files["a.example.org.crt"] = Secret("nonsense");
  CHECK(found(files, "a.example.org") ==
        "file a.example.org.crt: there is no certificate in PEM form in it");
  put(files, "a.example.org", made_for("DNS:a.example.org"));
  files.erase("a.example.org.key");
  CHECK(found(files, "a.example.org") ==
        "file a.example.org.crt: there is no private key in PEM form beside it");
}

TEST_CASE("what the ACME client left half written counts for nothing, and is no error") {
  Files files;
  put(files, "acme/a.example.org", made_for("DNS:a.example.org"));
  files["acme/a.example.org.key"] = Secret(made_for("").pem_key());
  CHECK(found(files, "a.example.org") == "none");
  files["a.example.org.crt"] = Secret("nonsense");
  CHECK(found(files, "a.example.org").find("file a.example.org.crt: ") == 0);
}

TEST_CASE("the file of a parent is another host's: what is wrong with it is said there") {
  Files files;
  put(files, "example.org", made_for("DNS:example.org"));
  CHECK(found(files, "blog.example.org") == "none");
  files["example.org.crt"] = Secret("nonsense");
  CHECK(found(files, "blog.example.org") == "none");
}

// With its content.
CertificatePtr whole_self_signed(const Keys& own, const std::vector<std::string>& hosts,
                                 Duration at) {
  Certificate made = *self_signed(own, hosts, at);
  CHECK(made.pem.empty());
  made.pem = sign(own, made);
  return std::make_shared<const Certificate>(std::move(made));
}

TEST_CASE("a self-signed certificate is what browsers accept once they are told to") {
  const auto made =
      whole_self_signed(keys, {"b.example.org", "*.a.example.org", "b.example.org"}, now);
  CHECK(made->source == "self-signed");
  const auto read = parse(made->pem.reveal(), made->pem.reveal());
  REQUIRE(read.ok());
  CHECK(read->names == std::vector<std::string>{"*.a.example.org", "b.example.org"});
  CHECK(read->names == made->names);
  CHECK(read->begins == made->begins);
  CHECK(read->ends == made->ends);
  const X509Ptr leaf = leaf_of(*made);
  CHECK(X509_check_host(leaf.get(), "x.a.example.org", 0, 0, nullptr) == 1);
  CHECK(X509_check_host(leaf.get(), "c.example.org", 0, 0, nullptr) == 0);
  CHECK(X509_check_ca(leaf.get()) == 0);
  CHECK(X509_get_extended_key_usage(leaf.get()) == XKU_SSL_SERVER);
  CHECK(X509_get_key_usage(leaf.get()) == KU_DIGITAL_SIGNATURE);
  CHECK(X509_self_signed(leaf.get(), 1) == 1);
  CHECK(ASN1_INTEGER_get(X509_get0_serialNumber(leaf.get())) != 0);
}

// "ok", or why a client does not trust it that was told of this one certificate.
std::string verified(const Certificate& certificate, Duration at) {
  const X509Ptr leaf = leaf_of(certificate);
  const std::unique_ptr<X509_STORE, Ends<X509_STORE_free>> store(X509_STORE_new());
  const std::unique_ptr<X509_STORE_CTX, Ends<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  X509_STORE_add_cert(store.get(), leaf.get());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  X509_STORE_CTX_set_time(context.get(), 0, std::chrono::duration_cast<seconds>(at).count());
  X509_verify_cert(context.get());
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
}

TEST_CASE("a self-signed certificate holds for a year from the beginning of its period") {
  const auto made = whole_self_signed(keys, {"a.example.org"}, now);
  CHECK(made->begins <= now);
  CHECK(now - made->begins < hours(24 * 90));
  CHECK(made->ends == made->begins + hours(24 * 365));
  CHECK(verified(*made, now) == "ok");
  CHECK(verified(*made, made->ends + seconds(1)) == "certificate has expired");
}

TEST_CASE("a self-signed certificate is the same for the same hosts, key and period") {
  const auto made = whole_self_signed(keys, {"a.example.org", "b.example.org"}, now);
  CHECK(made->id == whole_self_signed(keys, {"b.example.org", "a.example.org"}, now)->id);
  CHECK(made->id == whole_self_signed(keys, {"a.example.org", "b.example.org"},
                                      made->begins + hours(24 * 90) - seconds(1))
                        ->id);
  CHECK(made->id !=
        whole_self_signed(keys, {"a.example.org", "b.example.org"}, made->begins + hours(24 * 90))
            ->id);
  CHECK(made->id != whole_self_signed(keys, {"a.example.org"}, now)->id);
  const Keys others("0123456789abcdef", Secret(std::string(32, 'o')));
  CHECK(made->id != whole_self_signed(others, {"a.example.org", "b.example.org"}, now)->id);
  const auto again = whole_self_signed(keys, {"a.example.org", "b.example.org"}, now);
  const std::string& pem = again->pem.reveal();
  CHECK(made->pem.reveal().substr(made->pem.reveal().find("BEGIN PRIVATE")) ==
        pem.substr(pem.find("BEGIN PRIVATE")));
}

TEST_CASE("hosts longer than a common name may be are covered all the same") {
  const std::string host = std::string(60, 'a') + "." + std::string(60, 'b') + ".example.org";
  const auto made = whole_self_signed(keys, {host}, now);
  CHECK(X509_check_host(leaf_of(*made).get(), host.c_str(), 0, 0, nullptr) == 1);
  CHECK(covers(*made, host));
}

}  // namespace
}  // namespace fairlead::nginx
