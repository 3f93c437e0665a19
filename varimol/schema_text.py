"""Every table in words: a line for each column, which `varimol.schemas` reads."""

from __future__ import annotations

PREDICTION = """\
prediction number?  [unit of the label] predicted affinity, null where the structure is unreadable
lower number?  [as prediction] lower bound of the interval, of 90% unless asked otherwise
upper number?  [as prediction] upper bound of the interval
sd number?  [as prediction] standard deviation over the parts of the blend, by their shares
in_domain boolean  compound and protein resemble the training data
abstain boolean  no claim follows from this row
reason string   why it abstains; empty otherwise
nearest_train_tanimoto number?  [share] Tanimoto similarity to the nearest training compound
nearest_train_protein number?  [share] similarity to the nearest training protein: identity over the kinase domain, or shared sequence words without one
latent_density number?  [share] training pairs that are at least as isolated in the latent space of the model's first network; null without one
in_training boolean  a compound of the same skeleton was in the training data
"""
TEXT = """\
# calls | export (calls.tsv)
One call of the cohort, as the file wrote it; by record and sample.
chrom  string   contig, as the variant file names it
pos    integer  [bp, 1-based] position
ref    string   reference allele
alt    string   alternate alleles, separated by commas
filter string   FILTER of the record
sample string   sample
gt     string   genotype as in VCF
state  string   what is known of the call {observed, no-call, filtered, absent}

# quality_samples | quality, associate, link
One patient, in the cohort's order.
sample_id      string   patient, as named in the variant file
n_called       integer  variants called
call_rate      number?  [share] share of variants called, over those called in half of the samples
heterozygosity number?  [share] share of heterozygous calls over common autosomal variants
passed         boolean  the patient passed quality control
reason         string   why not; empty otherwise

# quality_variants | quality, associate, link
One alternate allele of one record, in the cohort's order.
variant_id       string   contig:position:ref:alt
contig           string   contig, as the variant file names it
position         integer  [bp, 1-based] position of the first base of the reference allele
call_rate        number?  [share] share of samples called
allele_frequency number?  [share] frequency of the alternate allele
n_hom_ref        integer  diploid calls without a copy
n_het            integer  diploid calls with one copy
n_hom_alt        integer  diploid calls with two copies
hwe_p            number?  exact Hardy-Weinberg p value, over controls alone where a binary trait is given; missing where not tested
passed           boolean  the variant passed quality control
reason           string   why not; empty otherwise

# statistics_variants | quality
One alternate allele of one record, in the cohort's order; a record without one has one row.
record            integer  row of the record in the store
variant_id        string   contig:position:ref:alt
contig            string   contig, as the variant file names it
position          integer  [bp, 1-based] position of the first base of the reference allele
ref               string   reference allele
alt               string   alternate allele; a point where there is none
alt_index         integer  allele number of the alternate; 0 where there is none
n_observed        integer  samples whose call is observed
n_no_call         integer  samples whose call misses an allele
n_filtered        integer  samples whose call or record failed a filter
n_absent          integer  samples whose file does not mention the site
call_rate         number?  [share] share of samples whose call is observed
missing_rate      number?  [share] share of samples whose call is not
allele_number     integer  alleles in observed calls
ref_count         integer  those that are the reference
allele_count      integer  those that are this alternate
ref_frequency     number?  [share] share of the reference among the alleles
allele_frequency  number?  [share] share of this alternate among the alleles
n_hom_ref         integer  diploid calls without a copy
n_het             integer  diploid calls with one copy
n_hom_alt         integer  diploid calls with two copies
n_haploid_ref     integer  haploid calls without the alternate
n_haploid_alt     integer  haploid calls of the alternate
hwe_p             number?  exact Hardy-Weinberg p value of the diploid calls; missing where there is none
hwe_mid_p         number?  its mid-p value

# statistics_samples | quality
One sample, in the cohort's order.
sample_id    string   patient, as named in the variant file
n_observed   integer  records whose call is observed
n_no_call    integer  records whose call misses an allele
n_filtered   integer  records whose call or FILTER failed
n_absent     integer  records that the sample's file does not mention
call_rate    number?  [share] share of records whose call is observed
missing_rate number?  [share] share of records whose call is not
n_het        integer  diploid calls of two different alleles
n_singletons integer  alternate alleles of which the sample holds the cohort's only copy

# structure | quality, associate, link
One patient who passed quality control; no rows where components cannot be estimated.
sample_id string   patient, as named in the variant file
pc*       number   principal component; each has unit length over the patients

# association | associate, link
One alternate allele, by genome position.
variant_id              string   contig:position:ref:alt
contig                  string   contig, as the variant file names it
position                integer  [bp, 1-based] position of the first base of the reference allele
effect_allele           string   the allele counted: ALT
other_allele            string   the reference allele, standing for all others
effect_allele_frequency number?  [share] frequency of the effect allele among those tested
n                       integer  patients in the test
beta                    number?  [log odds or trait unit] effect per copy of the effect allele
se                      number?  [as beta] standard error of beta
log10p                  number?  -log10 of the two-sided p value
test                    string   test that was used
missing_policy          string   what a missing genotype counted as {drop, mean}

# markers | link
One lead variant of a group of linked, significant variants; by genome position.
marker_id               string   variant_id of the lead variant
contig                  string   contig, as the variant file names it
position                integer  [bp, 1-based] position of the first base of the reference allele
effect_allele           string   the allele counted: ALT
other_allele            string   the reference allele, standing for all others
effect_allele_frequency number?  [share] frequency of the effect allele among those tested
beta                    number?  [log odds or trait unit] effect per copy of the effect allele
se                      number?  [as beta] standard error of beta
log10p                  number?  -log10 of the two-sided p value
gene                    string   gene of the marker; empty where none is within reach
gene_distance           integer? [bp] distance to the gene, 0 inside it
consequence             string   consequence of the protein-changing variant at or linked to the lead
amino_acid_change       string   its change of the protein
consequence_variant_id  string   its variant_id
consequence_effect_beta number?  [as beta] beta per copy of its alternate allele
ld_r2                   number?  [share] its squared correlation with the lead
n_in_clump              integer  variants in the group, the lead included
n_hom_ref               integer  samples whose call at the lead is the reference alone
n_het                   integer  samples with the effect allele and another
n_hom_alt               integer  samples with the effect allele alone, haploid ones included
n_other                 integer  samples with another alternate allele and not the effect allele
n_no_call               integer  samples whose call misses an allele
n_filtered              integer  samples whose call or record failed a filter
n_absent                integer  samples whose file does not mention the site
reason                  string   why there is no gene, or no distance to it; empty otherwise
order                   integer  place among the signals, each conditional on those before it
log10p_marginal         number?  -log10 of the p value in the scan without other signals
inflation               number?  genomic control lambda of the scan that found it
drug_action             string   what a drug would have to do; empty where that is open {inhibit, activate, }
drug_action_reason      string   the rule and the assumption behind drug_action

# library | library, link (library/library.parquet)
One record of the compound file, in its order.
row               integer  record number, from 1
id                string?  identifier
name              string?  name
input             string?  structure as the file wrote it
smiles            string?  standardised parent
inchikey          string?  standard InChIKey of the parent
status            string   whether it can be used {ok, rejected}
reason            string?  why it was rejected
duplicate_of      integer? row of the first record with the same InChIKey
removed_fragments string?  salts and solvents that were taken off
note              string?  what the SMILES does not say, or what the recipe lost on the way
graph             integer? number of the molecule's graph, from 0

# rejects | library, screen, link (rejects.tsv)
One record that could not be read.
row    integer  record number, from 1
id     string?  identifier
input  string?  structure as the file wrote it
reason string   why it was rejected

# targets | link
One gene that a drug should inhibit; by symbol.
gene                   string   gene symbol
accession              string   accession of the protein
isoform                string   isoform
sequence               string   amino acids in one-letter code; empty where none is at hand
sequence_length        integer  [amino acids] length of the sequence
has_domain             boolean  a kinase domain was found
domain_start           integer  [amino acids] first residue of the domain, 1-based; 0 without one
domain_end             integer  [amino acids] last residue of the domain; 0 without one
nearest_train_protein  number?  [share] similarity to the nearest training protein: identity over the kinase domain, or shared sequence words without one
status                 string   whether compounds are scored {scored, abstain}
reason                 string   why not; empty otherwise
source                 string   where the sequence is from

# affinity | link
One compound and target; by gene and falling prediction.
compound_id            string   compound, as named in the compound file
name                   string   name: the file's, else the shipped drug table's, else the identifier
smiles                 string   standardised structure
gene                   string   gene symbol
accession              string   accession of the protein
@prediction

# hits | screen
One compound and target; by target, rows that abstain after the others, and falling prediction.
compound_id            string   compound, as named in the compound file
name                   string   name: the file's, else the shipped drug table's, else the identifier
smiles                 string   standardised structure
target_id              string   target, as named in the targets file
accession              string   accession, where the file has one
endpoint               string   label that is predicted, the network's first; manifest.json says its unit
variant?               string   changes that the target's sequence carries, joined by +; empty for none. The column is there where a target carries one
@prediction

# predictions | predict
One pair of the input, in its order.
drug_id                string   drug, as named in the pairs table
target_id              string   target, likewise
endpoint               string   label that is predicted
variant?               string   changes that the target's sequence carries, of --variant and of the targets table, joined by +; empty for none. The column is there where --variant is given
@prediction
notes                  string   what of the compound or the protein was read as unknown or in part, the variant that was applied and how it was numbered, or why one named with the target was not; empty otherwise

# shifts | predict --shifts
One pair of the input whose target carries a variant, in its order: what the variant does to affinity.
drug_id              string  drug, as named in the pairs table
target_id            string  target, likewise
endpoint             string  label
variant              string  changes that were applied to the target's sequence, joined by +
wild_type_prediction number? [unit of the label] predicted affinity for the sequence without them, null where the structure is unreadable
variant_prediction   number? [unit of the label] predicted affinity for the sequence with them, likewise
shift                number? [unit of the label] affinity for the variant less that for the wild type, from a model of shifts, so not the difference of the two predictions; null where the row abstains
lower                number? [as shift] lower bound of the shift's own interval, of 90% unless asked otherwise, 0 at most where the wild type was measured at the assay's limit and the variant is not predicted well above it; null where the row abstains
upper                number? [as shift] upper bound, likewise
verdict              string  what the interval says of binding to the variant {weaker, stronger, cannot tell}
in_training          boolean the drug was measured on this very variant in the training data, phosphorylated or not, also where the row abstains
abstain              boolean the model of shifts cannot speak of this pair, or has no bounds for it
reason               string  why it abstains, or why a gain cannot be told though it does not; empty otherwise

# folds | train affinity (folds.tsv)
One out-of-fold prediction of one model.
setting    string   what was held out {random, scaffold, family}
endpoint   string   label
model      string   blend, one of its parts, or a plain model
fold       integer  fold that was held out
seed       integer  of the training
drug_id    string   drug
target_id  string   target
label      number   [unit of the label] measured value
prediction number   [unit of the label] predicted value; of a label of 0 and 1 its probability
spread     number?  [as prediction] standard deviation over the members of an ensemble; missing where there is one

# metrics | train affinity (metrics.tsv)
One figure of one model on one fold.
setting  string   what was held out {random, scaffold, family}
endpoint string   label
model    string   blend, one of its parts, or a plain model
fold     integer  fold that was held out
seed     integer  of the training
metric   string   name of the figure
value    number?  [mse: squared unit of the label] its value; missing where it is not defined

# coverage | train affinity (coverage.tsv)
How many held-out labels the blend's intervals held, those of each fold calibrated on the other folds.
setting        string   what was held out; a -> b: calibrated where a was held out, counted where b was
endpoint       string   label
by             string   what the pairs are binned by: predicted value, scaffold of the molecule, similarity to the nearest training molecule (Tanimoto, Morgan 2), likeness to the nearest training protein (residues on the kinase profile, or words of the sequence) {all, prediction, scaffold, molecule similarity, protein similarity}
bin            string   the bin, or all
n              integer  pairs in it
level          number   [share] coverage that was asked for
coverage       number   [share] pairs whose label the interval held
coverage_lower number   [share] lower end of its 95% interval (Clopper-Pearson)
coverage_upper number   [share] upper end
mean_width     number?  [unit of the label] mean width of the finite intervals
median_width   number?  [unit of the label] their median width
share_infinite number   [share] intervals with an infinite bound
warning        string   why the count is uncertain; empty otherwise

# leakage | train affinity (leakage.tsv)
What the test rows of one fold share with its training rows.
endpoint        string   label
setting         string   what was held out {random, scaffold, family}
fold            integer  fold that was held out, from 1
n_train         integer  training rows
n_test          integer  test rows
n_left_out      integer  rows on neither side
shared_inchikey integer  molecules on both sides
rows_inchikey   number   [share] test rows with such a molecule
shared_skeleton integer  skeletons (first block of the InChIKey) on both sides
rows_skeleton   number   [share] test rows with such a skeleton
shared_scaffold integer  scaffolds on both sides
rows_scaffold   number   [share] test rows with such a scaffold
shared_sequence integer  sequences on both sides
rows_sequence   number   [share] test rows with such a sequence
shared_family   integer  families of proteins on both sides
rows_family     number   [share] test rows with such a family
shared_pair     integer  pairs of molecule and sequence on both sides
rows_pair       number   [share] test rows that are such a pair
n_molecules     integer  molecules in the test rows
n_compared      integer  of them, drawn at random, compared with all training molecules
nearest_median  number?  [Tanimoto, Morgan 2, 2048 bits] median similarity of a test molecule's nearest training molecule
nearest_p95     number?  [as nearest_median] its 95th percentile
nearest_ge_0.4  number?  [share] molecules with a training molecule at least so similar
nearest_ge_0.6  number?  [share] likewise
nearest_ge_0.85 number?  [share] likewise
nearest_ge_1.0  number?  [share] likewise; equal fingerprints, not always equal molecules

# similar | search
One compound that resembles a query; by query and rank.
query      string  the query, or its identifier in the file of queries
rank       integer 1 is the most similar
row        integer record number in the library, from 1
id         string  identifier
smiles     string  standardised structure
similarity number  [Tanimoto or Tversky] from 0 to 1

# substructure_matches | search --substructure
One compound that contains a query; by query and row.
query         string  the query, or its identifier in the file of queries
rank          integer order within the query, from 1
row           integer record number in the library, from 1
id            string  identifier
smiles        string  standardised structure
matched_atoms string  atom numbers from 0 in the order of smiles; matches parted by semicolons

# evidence | link
One claim for one patient and compound; by patient, lane, compound and claim.
evidence_id   string   E000001 and on
sample_id     string   patient, as named in the variant file
compound_id   string   compound; empty where a target abstains
compound_name string   its name
lane          string   lanes are never added up {safety_and_dose, known_efficacy, predicted}
claim         string   kind of claim {guideline, known_action, clinical_evidence, predicted_affinity}
direction     string   an action of a guidance (avoid, ...), adverse, against or supports
value         number?  [in the column unit] probability of the guidance, or predicted affinity
lower         number?  [in the column unit] lower bound of value
upper         number?  [in the column unit] upper bound of value
unit          string   unit of value
path          string   from the variant to the compound, joined by ->
sources       string   with versions and licences
assumptions   string   what has to hold
abstain       boolean  no claim follows
reason        string   the claim in words, or why it abstains

# therapies | link
One candidate therapy of one patient; by patient and rank.
sample_id     string   patient, as named in the variant file
rank          integer  1 is the first
compound_id   string   compound; empty where a target abstains
compound_name string   its name
lane          string   lane of the claim {safety_and_dose, known_efficacy, predicted}
score         number?  value of the evidence; comparable within the predicted lane alone
lower         number?  lower bound of score
upper         number?  upper bound of score
reason        string   the claim in words, or why it abstains
path          string   from the variant to the compound
evidence_id   string   record of evidence.parquet
"""
