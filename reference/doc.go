// Package reference is an endpoint of RFC 6455, server and client, written to be
// read. Read package wire first: bits, fields and rules. Then read the files that do
// not use a network: machine.go, receive.go, memory.go, send.go, closing.go,
// handshake.go, extension.go and deflate.go (RFC 7692). Then read the files that do:
// conn.go, connread.go, connwrite.go and connclose.go move bytes between a Machine and
// a net.Conn; server.go (from bare TCP and from net/http) and dial.go (the client) open
// connections. README.md has the reading path and the API on one screen.
//
// The file and the test for each section of the RFC:
//
//	§3      uri/uri.go         TestURLsThatAreNoWebSocketURLsAreRefused
//	§4.1    handshake.go       TestTheRequestIsThatOfTheRFC
//	§4.1    wire/handshake.go  TestAnAnswerThatBreaksARuleIsRefused
//	§4.2.1  wire/handshake.go  TestARequestThatIsNoHandshakeIsRefusedWithEveryReason
//	§4.2.1  handshake.go       TestARequestThatIsNoHTTPIsRefused
//	§4.2    server.go          TestBothPathsRefuseTheSameWithEveryReason
//	§4.2.2  handshake.go       TestAHandshakeIsAnsweredAsTheRFCShows
//	§4.2.2  wire/handshake.go  ExampleAccept
//	§5.1    wire/rules.go      TestEveryHeaderRuleFailsTheConnectionInBothRoles
//	§5.2    wire/header.go     TestAHeaderIsReadAsItsPictureSays
//	§5.2    receive.go         TestEveryStreamMeansTheSameHoweverItIsCut
//	§5.3    wire/mask.go       TestMaskDoesWhatMaskSimpleDoesAtEveryOffsetAndLength
//	§5.3    send.go            TestEveryFrameOfAClientHasAKeyOfItsOwn
//	§5.4    receive.go         TestEveryStreamMeansTheSameHoweverItIsCut
//	§5.4    send.go            TestASecondMessageMustWaitForTheEndOfTheFirst
//	§5.4    connwrite.go       TestAWriterSendsFragmentsAndOthersWaitForItsEnd
//	§5.4    connread.go        TestAMessageReadAsAStreamIsTheSameHoweverItIsCut
//	§5.5    receive.go         TestAPongDoesNotWaitForAWriterThatWaits
//	§5.5.2  connread.go        TestPingsInAFloodAreAnsweredInFewWritesAndBoundedMemory
//	§5.5.1  closing.go         TestEveryCloseCodeIsAnsweredOrFailed
//	§5.7    wire/header.go     TestAHeaderIsWrittenAsItsPictureShows
//	§7.1.1  connclose.go       TestTheServerClosesTCPAtOnceAndTheClientWaitsForIt
//	§7.1.2  connclose.go       TestCloseDiscardsDataUntilThePeersClose
//	§7.1.3  machine.go         TestEveryChangeOfStateIsObserved
//	§7.1.5  connread.go        TestAPeerThatVanishesGives1006
//	§7.1.7  closing.go         TestAFailureIsToldToBothEnds
//	§7.4    wire/close.go      TestTheCodesThatMayBeSentAreThoseOfTheTable
//	§8.1    wire/utf8.go       TestTextIsJudgedAlikeHoweverItIsCut
//	§9.1    handshake.go       TestAServerAnswersOffersOfCompressionOnlyWhenItWantsIt
//	§9.1    receive.go         TestACompressedMessageMeansTheSameHoweverItIsCut
//	§9.1    wire/extension.go  TestExtensionsAreReadHoweverTheyAreSpread
//	§10.2   uri/uri.go         TestTheOriginMustBeTheHostUnlessTheServerSaysOtherwise
//	§10.4   receive.go         TestEveryStreamMeansTheSameHoweverItIsCut
//	§10.4   memory.go          TestAClaimedLengthTakesNoMemory
//
// And of RFC 7692, permessage-deflate:
//
//	§7.1    wire/deflate.go    TestTheServerChoosesTheFirstOfferThatItCanAccept
//	§7.1    wire/deflate.go    TestTheClientTakesWhatServersAnswer
//	§7.1.1  deflate/deflate.go TestNothingIsTakenFromOneConnectionToAnother
//	§7.1.2  deflate/deflate.go TestNoDistanceReachesBeyondTheWindow
//	§7.2.1  deflate/deflate.go TestMessagesComeBackThroughEveryWindow
//	§7.2.2  deflate/deflate.go TestTheExamplesOfRFC7692AreInflated
//
// Events and messages arrive in the order in which the peer sent them. A function
// neither keeps nor changes a slice that it was given. A slice that it returns belongs
// to the caller. Only one goroutine at a time may use a Machine. One goroutine may read
// from a Conn while any number of others write.
//
// Every wait is bounded: Options has the times, and SetReadDeadline and
// SetWriteDeadline set others. All memory is bounded: Options.MaxMessage limits a
// message, and some KiB are for bytes that wait to be read or written.
//
// Only Conn.WriteRaw, Conn.WriteRawClose and Options.Misbehave can break the RFC.
package reference

import "embed"

// Source holds the files of this package that lessons show.
//
//go:embed machine.go receive.go memory.go send.go closing.go handshake.go extension.go deflate.go errors.go conn.go connread.go connwrite.go connclose.go server.go dial.go
var Source embed.FS
